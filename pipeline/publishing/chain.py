"""Collect the provenance of a version from the outputs of its run."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.artifacts.data_set import SPLITS, TRAINED_MODEL_FILE, split_file
from pipeline.artifacts.stage_facts import (
    DataFacts,
    EvaluateFacts,
    ExportFacts,
    Facts,
    TrainFacts,
)
from pipeline.engine.store import StageOutput
from pipeline.publishing.portable import portable_path
from pipeline.publishing.provenance import Provenance
from pipeline.system.machine import this_machine
from pipeline.verification.weights.digest import weights_sha256
from pipeline.verification.weights.reading import read_here

MAKING: tuple[type[Facts], ...] = (DataFacts, TrainFacts, EvaluateFacts, ExportFacts)
Outputs = Mapping[str, StageOutput[Any]]


def provenance_of(outputs: Outputs, workspace: Path) -> Provenance:
    """Return the chain of the outputs of a run, without local paths."""
    code = code_of(outputs, workspace)
    return Provenance(
        data=data_of(outputs),
        code=code,
        code_sha256=code_sha256(code),
        weights_sha256=weights_of(outputs),
        machine=this_machine(),
    )


def data_of(outputs: Outputs) -> dict[str, str]:
    """Return the SHA-256 of the images and the labels of each split, by file."""
    files = outputs[DataFacts.stage].outputs
    names = (split_file(split, array) for split in SPLITS for array in ("images", "labels"))
    return {name: files[name].sha256 for name in names}


def code_of(outputs: Outputs, workspace: Path) -> dict[str, str]:
    """Return the SHA-256 of every module that made the files, and of the user's own files."""
    made = {facts.stage for facts in MAKING} & outputs.keys()
    found = {
        portable_path(name, workspace): sha256
        for stage in made
        for name, sha256 in outputs[stage].ingredients.code.items()
    }
    return dict(sorted(found.items()))


def code_sha256(code: Mapping[str, str]) -> str:
    """Return one SHA-256 for modules and their SHA-256."""
    lines = "".join(f"{name} {sha256}\n" for name, sha256 in sorted(code.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def weights_of(outputs: Outputs) -> str | None:
    """Return the SHA-256 of the trained weights, or None if the network has another structure."""
    model = outputs[TrainFacts.stage].path / TRAINED_MODEL_FILE
    try:
        network = read_here(model, "keras")
    except Exception:  # noqa: BLE001  (whatever another structure raises)
        return None
    return None if network is None else weights_sha256(network)
