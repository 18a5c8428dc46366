"""Proving a single ONNX file that follows the contract, wherever it comes from."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.config.reading import validate
from pipeline.errors import DataFileError, ModelError, WorkerFailed
from pipeline.export.contract import Contract, contract_for
from pipeline.export.formats import FLOAT16, INT8
from pipeline.handover import split_file
from pipeline.running import run_stages
from pipeline.runtimes.isolated import Answers, ask
from pipeline.runtimes.registry import Runtime, choose_runtime
from pipeline.store import StageOutput
from pipeline.verification.check import Check
from pipeline.verification.comparing import Reference
from pipeline.verification.proving import Artifact, verify

if TYPE_CHECKING:
    from pipeline.progress import Progress
    from pipeline.workspace import Workspace

_DEFAULT_DATA_SET = "mnist"  # where the file's metadata names none
_FORMATS = {INT8: "onnx_int8", FLOAT16: "onnx_fp16"}  # by the precision in the metadata


def verify_file(
    path: Path, runtimes: Sequence[str], workspace: "Workspace", progress: "Progress"
) -> list[Check]:
    """Compare what an ONNX file answers in every runtime with what the reference runtime says.

    No trained model belongs to a single file: the standard's own evaluator stands for it where it
    is installed, else onnxruntime.

    Raises:
        ModelError: the file does not open, or does not follow the contract.
        DataFileError: the images of its data set have another shape.
    """
    only = [choose_runtime(name) for name in runtimes] or None
    if path.suffix != ".onnx":
        raise ModelError(
            f"A file to verify must end in .onnx; got {path}. Verify the published folder that it "
            "belongs to: there the trained model is at hand."
        )
    first = _ask_file(choose_runtime("onnxruntime"), path)
    contract = _followed(first.contract, path)
    file_format = _FORMATS.get(first.metadata.get("precision", ""), "onnx")
    artifact = Artifact(path.name, file_format, path, path.stat().st_size)
    data = _data_of_file(first.metadata.get("data_set", _DEFAULT_DATA_SET), workspace, progress)
    images = data.path / split_file("test", "images")
    shape = np.load(images, mmap_mode="r").shape[1:]
    if shape != contract.image_shape:
        raise DataFileError(
            f"The images of {data.facts['name']} must have the shape that {path} takes, "
            f"{contract.image_shape}; got {shape}. Its metadata may name the data set: data_set."
        )
    standard = _standard(file_format)
    reference = Reference(
        images=images,
        labels=np.load(data.path / split_file("test", "labels")),
        probabilities=_ask_file(standard, path, images).probabilities,
        contract=contract,
    )
    checks = verify([artifact], reference, progress, only=only)
    note = "what the others are compared with"
    return [replace(c, note=note) if c.runtime == standard.name else c for c in checks]


def _standard(file_format: str) -> Runtime:
    reference = choose_runtime("onnx-reference")
    usable = reference.installed and file_format in reference.opens
    return reference if usable else choose_runtime("onnxruntime")


def _ask_file(runtime: Runtime, path: Path, images: Path | None = None) -> Answers:
    try:
        return ask(runtime, path, images)
    except WorkerFailed as error:
        raise ModelError(
            f"A model file must open and answer in {runtime.name}; got from {path}: {error}. "
            "Export it again or restore it."
        ) from error


def _followed(contract: Contract, path: Path) -> Contract:
    """Return the contract that a file follows.

    Raises:
        ModelError: it follows none.
    """
    shape, classes = contract.image_shape, contract.outputs[0].shape[-1]
    if len(shape) == 3 and isinstance(classes, int):  # noqa: PLR2004  (height, width, channels)
        wanted = contract_for("multiclass", image_shape=shape, num_classes=classes)
        if contract == wanted:
            return contract
    raise ModelError(
        "A model file must be (image: uint8 [batch, height, width, channels]) -> (probabilities: "
        f"float32 [batch, classes]); got {contract} in {path}. Export it with this pipeline."
    )


def _data_of_file(name: str, workspace: "Workspace", progress: "Progress") -> StageOutput:
    """Return the data stage's output for a data set, kept or made, or the sample of it."""
    config = validate({"name": "file", "data": {"name": name}}, {}, "the metadata of the file")
    [data] = run_stages(config, workspace, progress, until="data")
    return data.output
