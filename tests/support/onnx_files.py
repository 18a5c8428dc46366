"""Small networks of random weights, exported to ONNX files."""

from pathlib import Path

import keras
import numpy as np

from pipeline.artifacts.data_set import Split
from pipeline.artifacts.model_contract import contract_for
from pipeline.config.schema import Model
from pipeline.export.stage import export
from pipeline.export.trained_model import TrainedModel
from pipeline.models.dense import build_model
from pipeline.tasks.registry import task_named

FORMATS = ("onnx", "onnx_int8", "onnx_fp16")


def new_network(
    digits: Split,
    task: str = "multiclass",
    output: str | None = None,
    *,
    hidden: tuple[int, ...] = (16, 12),
    activation: str = "relu",
) -> TrainedModel:
    """Return a network of random weights and biases, calibrated on digits."""
    chosen, classes = task_named(task, output), 10 if task == "multiclass" else 2
    keras.utils.set_random_seed(1)
    config = Model(hidden=hidden, activation=activation)
    model = build_model(config, image_shape=(28, 28, 1), num_classes=classes, task=chosen)
    rng = np.random.default_rng(0)
    weights = [w if w.ndim > 1 else rng.normal(0, 0.1, w.shape) for w in model.get_weights()]
    model.set_weights(weights)
    contract = contract_for(chosen.output(classes), image_shape=(28, 28, 1))
    metadata = {"task": task, "data_set": "mnist", "fingerprint": "0123456789abcdef"}
    return TrainedModel(model, contract, metadata, digits.images[:200])


def write_all(trained: TrainedModel, folder: Path, formats: tuple[str, ...] = FORMATS) -> Path:
    """Write the files of some formats into a new folder, and return it."""
    folder.mkdir()
    for name in formats:
        export(trained, name, folder)
    return folder
