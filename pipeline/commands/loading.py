"""Open a published model, checked against its manifest, or a single file."""

import os
from collections.abc import Sequence
from pathlib import Path

from pipeline.artifacts.formats import FORMATS, artifact_path, format_of_file
from pipeline.artifacts.preprocessing import METADATA_KEY
from pipeline.engine.workspace import Workspace
from pipeline.errors import ModelError, RequestError
from pipeline.publishing.golden import GOLDEN, require_golden
from pipeline.publishing.locating import locate
from pipeline.publishing.published_folder import find_published
from pipeline.runtimes.isolated import run_file
from pipeline.runtimes.isolated_predictor import IsolatedPredictor
from pipeline.runtimes.predictor import Predictor
from pipeline.runtimes.registry import Runtime, choose_runtime, open_model, runtimes_for
from pipeline.tasks.registry import all_tasks, task_named
from pipeline.tasks.task import Task
from pipeline.verification.tolerances import TOLERANCES

PathLike = str | os.PathLike[str]
_DEFAULT_TASK = "multiclass"  # of files with neither metadata nor the output of another task
_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".npy"}
_IN_PROCESS = ".onnx"  # files of this kind can only compute, and are served from their own process
# If several can open a file: that of the base install, then those the files are made for.
_PREFERRED = ("onnxruntime", "tensorflow", "keras", "litert", "openvino")


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


def task_of_model(predictor: Predictor) -> Task:
    """Return the task in the metadata, or else the one with this output."""
    [output] = predictor.contract.outputs
    by_output = {task().output(1).name: name for name, task in all_tasks().items()}
    name = predictor.metadata.get("task", by_output.get(output.name, _DEFAULT_TASK))
    return task_named(name, predictor.metadata.get("output"))


def _open(runtime: Runtime, path: Path) -> Predictor:
    if path.suffix == _IN_PROCESS:
        return open_model(runtime, path)
    return IsolatedPredictor(runtime, path)


def open_isolated(path: Path) -> Predictor:
    """Open a single file in another process, with limits.

    Raises:
        ModelError: it is not a model file.
    """
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
