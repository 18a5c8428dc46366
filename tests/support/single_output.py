"""Two small models with one output unit each: the parity of a digit, and its value."""

import json
from pathlib import Path
from typing import Any

import pipeline
from pipeline.publishing.published_folder import find_published
from pipeline.verification.comparing import Reference, read_reference

PARITY, DIGIT_VALUE = "parity", "digit_value"
OUTPUTS = {PARITY: "probability", DIGIT_VALUE: "value"}
_SETTINGS: dict[str, dict[str, Any]] = {
    PARITY: {
        "task": "binary",
        "data": {"target": "parity"},
        "model": {"hidden": [32], "output": "tanh"},
    },
    DIGIT_VALUE: {
        "task": "regression",
        "data": {"target": "value"},
        "model": {"hidden": [32], "output": "relu"},
    },
}
_QUICK: dict[str, Any] = {
    "optimizer": {"name": "adam", "learning_rate": 0.005},
    "train": {"epochs": 3, "batch_size": 64},
    "export": {"formats": ["onnx"]},
    "verify": {"runtimes": ["onnxruntime"]},
}


def publish(workspace: Path) -> None:
    """Train both models on the sample and publish them; TensorFlow is imported only once."""
    workspace.mkdir()
    for name, settings in _SETTINGS.items():
        config = workspace / f"{name}.yaml"
        config.write_text(json.dumps({"name": name, **settings, **_QUICK}))
        pipeline.run(config, workspace=workspace)


def reference_of(workspace: Path, name: str) -> Reference:
    """Return the exact predictions of a model for its test set."""
    manifest = find_published(workspace / "exported" / name).manifest
    runs, stages = workspace / "runs", manifest.stages
    return read_reference(
        runs / "data" / stages.data,
        runs / "train" / stages.train,
        runs / "evaluate" / stages.evaluate,
        manifest.contract,
        manifest.open_task(),
    )
