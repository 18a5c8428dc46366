"""Open a model by its name or path, and predict image files with it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.artifacts.formats import FORMATS, artifact_path, format_of_file
from pipeline.artifacts.preprocessing import METADATA_KEY, preprocessing_in
from pipeline.engine.workspace import Workspace
from pipeline.errors import ModelError, RequestError
from pipeline.imaging.image_files import Pictures, read_pictures
from pipeline.publishing.doubts import Doubts, open_doubts
from pipeline.publishing.golden import GOLDEN, require_golden
from pipeline.publishing.locating import locate
from pipeline.publishing.published_folder import find_published
from pipeline.runtimes.isolated import run_file
from pipeline.runtimes.isolated_predictor import IsolatedPredictor
from pipeline.runtimes.predictor import Predictor
from pipeline.runtimes.registry import Runtime, choose_runtime, open_model, runtimes_for
from pipeline.tasks.registry import all_tasks, task_named
from pipeline.tasks.task import DisplayedPrediction, Predictions, Task
from pipeline.verification.tolerances import TOLERANCES

PathLike = str | os.PathLike[str]
_DEFAULT_TASK = "multiclass"  # of files with neither metadata nor the output of another task
_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".npy"}
_IN_PROCESS = ".onnx"  # files of this kind can only compute, and are served from their own process
# If several can open a file: that of the base install, then those the files are made for.
_PREFERRED = ("onnxruntime", "tensorflow", "keras", "litert", "openvino")


@dataclass(frozen=True)
class ReadDigit:
    """One digit of a picture: its label or value, and its box: left, top, right, bottom.

    ``unsure`` says that the digit alone is in doubt.
    """

    label: str | None
    probability: float | None
    value: float | None
    box: tuple[int, int, int, int]
    unsure: bool = False


@dataclass(frozen=True)
class Prediction:
    """The prediction for one image of one file: a label with its probability, or a value.

    All of them are None for a picture without a single digit. ``reason`` says why the answer is in
    doubt: the picture is not a single, whole digit, the probability is low, or the image is unlike
    the training images; ``unsure`` is set then. ``digits`` are those of a picture from left to
    right, None for other images. ``is_value`` tells that the model predicts values, also where
    there is none.
    """

    file: str
    index: int
    label: str | None
    probability: float | None
    probabilities: dict[str, float]
    value: float | None = None
    unsure: bool = False
    reason: str | None = None
    digits: tuple[ReadDigit, ...] | None = None
    is_value: bool = False


def load_model(
    model: PathLike, *, runtime: str | None = None, workspace: PathLike = "."
) -> Predictor:
    """Open a published model, checked against its manifest, or a single file.

    A published model first predicts a few images: it must return what it did when published. Only
    ONNX files are opened in this process; all others are run in another one, with limits.

    ``mlp`` or ``exported/mlp`` is the version labeled stable, else the newest; ``mlp/3`` is
    version 3.

    Raises:
        ModelError: it is not a model, was altered, or predicts differently on this machine.
        MissingExtra: no runtime that opens it is installed.
    """
    path = locate(model, Workspace(Path(workspace)).exported)
    if path.is_file():
        return _open_file(path, runtime)
    published = find_published(path)
    published.require_unaltered()
    file_format, chosen = _runtime_for(published.formats, runtime)
    predictor = _open(chosen, artifact_path(published.path, file_format))
    predictor.class_names = published.class_names
    manifest = published.manifest
    predictor.metadata = {
        "data_set": manifest.data.name,
        "task": manifest.task,
        METADATA_KEY: manifest.picture_preprocessing.as_text(),
        **({"output": manifest.output} if manifest.output else {}),
    }
    if GOLDEN in manifest.files:  # not in older versions
        tolerance = TOLERANCES[FORMATS[file_format].precision]
        require_golden(predictor, published.path / GOLDEN, manifest.open_task(), tolerance)
    return predictor


def predict(
    model: PathLike, files: Sequence[PathLike], *, workspace: PathLike = "."
) -> list[Prediction]:
    """Return the prediction for every image in image files or ``.npy`` arrays.

    Raises:
        ModelError: the model cannot be opened.
        ImageError: a file is not an image of the right size and kind; nothing is predicted then.
    """
    path = locate(model, Workspace(Path(workspace)).exported)
    predictor = _isolated(path) if path.is_file() else load_model(path)
    doubts = Doubts() if path.is_file() else open_doubts(find_published(path))
    shape = predictor.contract.image_shape
    preprocessing = preprocessing_in(predictor.metadata, shape)
    task = _task_of(predictor)
    read = [read_pictures(Path(file), preprocessing) for file in files]
    outputs: list[Sequence[Any] | Predictions] = [
        predictor.predict(each.images) if len(each.images) else [] for each in read
    ]
    if not all(np.isfinite(array).all() for array in outputs):
        raise ModelError(
            f"{model} predicts infinity or NaN. Do not use it: verify it (pipeline verify) or "
            "publish it again."
        )
    found: list[Prediction] = []
    for file, each, rows in zip(files, read, outputs, strict=True):
        displayed = [task.describe(row, predictor.class_names) for row in rows]
        reasons = doubts.reasons(each.images, rows, displayed)
        predictions = _predictions(str(file), each, displayed, reasons)
        found += [replace(one, is_value=task.predicts_value) for one in predictions]
    return found


def _task_of(predictor: Predictor) -> Task:
    """Return the task in the metadata, or else the one with this output."""
    [output] = predictor.contract.outputs
    by_output = {task().output(1).name: name for name, task in all_tasks().items()}
    name = predictor.metadata.get("task", by_output.get(output.name, _DEFAULT_TASK))
    return task_named(name, predictor.metadata.get("output"))


def _open(runtime: Runtime, path: Path) -> Predictor:
    if path.suffix == _IN_PROCESS:
        return open_model(runtime, path)
    return IsolatedPredictor(runtime, path)


def _isolated(path: Path) -> Predictor:
    return IsolatedPredictor(_runtime_for([_format_of(path)], None)[1], path)


def _open_file(path: Path, runtime: str | None) -> Predictor:
    """Open a foreign file, which may be anything, in another process first."""
    chosen = _runtime_for([_format_of(path)], runtime)[1]
    if path.suffix != _IN_PROCESS:
        return IsolatedPredictor(chosen, path)
    metadata = run_file(chosen, path).metadata
    predictor = open_model(chosen, path)
    predictor.metadata = metadata
    return predictor


def _format_of(path: Path) -> str:
    found = format_of_file(path)
    if found is None:
        endings = dict.fromkeys(Path(item.path).suffix for item in FORMATS.values())
        is_picture = path.suffix.lower() in _PICTURES
        advice = (
            "The model comes first: pipeline predict MODEL FILE ..."
            if is_picture
            else "Specify such a file, or a published model such as exported/mlp."
        )
        raise ModelError(
            f"{path} is not a model file: its name must end in "
            f"{' or '.join(filter(None, endings))}. {advice}"
        )
    return found


def _runtime_for(formats: Sequence[str], name: str | None) -> tuple[str, Runtime]:
    """Return a format and a runtime; ONNX is preferred, since its runtime is the lightest."""
    ordered = sorted(formats, key=lambda file_format: file_format != "onnx")
    pairs = [(f, runtime) for f in ordered for runtime in runtimes_for(f)]
    if name is None:
        ranked = [(f, r) for f, r in pairs if r.name in _PREFERRED]
        ranked.sort(key=lambda pair: (ordered.index(pair[0]), _PREFERRED.index(pair[1].name)))
        ranked = ranked or pairs  # a new format that only a new runtime opens
        return next((pair for pair in ranked if pair[1].installed), ranked[0])
    named = [pair for pair in pairs if pair[1].name == name]
    if not named:
        usable = dict.fromkeys(runtime.name for _, runtime in pairs)
        raise RequestError(
            f"The runtime {choose_runtime(name).name!r} does not open {', '.join(formats)}. Choose "
            f"from {', '.join(usable)}."
        )
    return named[0]


def _predictions(
    file: str,
    read: Pictures,
    displayed: Sequence[DisplayedPrediction],
    reasons: Sequence[str | None],
) -> list[Prediction]:
    """Return a prediction for each image of an array, or the only one for a picture."""
    if read.finding is None:
        pairs = enumerate(zip(displayed, reasons, strict=True))
        return [_prediction(file, index, each, reason) for index, (each, reason) in pairs]
    digits = tuple(
        ReadDigit(
            each.label,
            _float_or_none(each.probability),
            _float_or_none(each.value),
            digit.box,
            unsure=reason is not None,
        )
        for each, digit, reason in zip(displayed, read.finding.digits, reasons, strict=True)
    )
    single, doubt = DisplayedPrediction(), None
    if len(displayed) == 1:
        [single], [doubt] = displayed, reasons
    found = _prediction(file, 0, single, read.finding.reason or doubt)
    return [replace(found, digits=digits)]


def _prediction(
    file: str, index: int, displayed: DisplayedPrediction, reason: str | None
) -> Prediction:
    return Prediction(
        file=file,
        index=index,
        label=displayed.label,
        probability=_float_or_none(displayed.probability),
        probabilities={name: float(value) for name, value in displayed.probabilities.items()},
        value=_float_or_none(displayed.value),
        unsure=reason is not None,
        reason=reason,
    )


def _float_or_none(number: np.float32 | None) -> float | None:
    return None if number is None else float(number)
