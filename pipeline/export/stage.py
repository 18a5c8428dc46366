"""The stage ``export``: from the trained model to one artifact for each format."""

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import keras
import numpy as np

from pipeline.artifacts.data_set import TRAINED_MODEL_FILE, DataSet, read_data
from pipeline.artifacts.formats import FORMATS, artifact_files, artifact_path
from pipeline.artifacts.model_contract import contract_for
from pipeline.artifacts.preprocessing import METADATA_KEY, preprocessing_of
from pipeline.artifacts.reduced_precision import Copy
from pipeline.artifacts.stage_facts import DataFacts, ExportFacts, TrainFacts
from pipeline.engine.context import Context
from pipeline.engine.stage import Outcome
from pipeline.errors import ExportFailed, MissingExtra, PipelineError, sentence
from pipeline.export.reduced_precision import measure_copy
from pipeline.export.trained_model import TrainedModel
from pipeline.runtimes.telemetry import forbid_telemetry
from pipeline.tasks.registry import task_of

_CALIBRATION_IMAGES = 1000


def run(context: Context, folder: Path) -> Outcome[ExportFacts]:
    """Write the model in every format into ``folder``, in the layout of published models."""
    data = read_data(context.output(DataFacts).path)
    settings, task = context.config.export, task_of(context.config)
    contract = contract_for(task.output(len(data.class_names)), image_shape=data.image_shape)
    trained = TrainedModel(
        model=keras.models.load_model(
            context.output(TrainFacts).path / TRAINED_MODEL_FILE, compile=False, safe_mode=True
        ),
        contract=contract,
        metadata=_metadata(context, data),
        calibration=_evenly_spaced(data, _CALIBRATION_IMAGES),
        opset=settings.opset,
    )
    with context.progress.task("exporting", total=len(settings.formats)) as progress:
        for done, file_format in enumerate(settings.formats):
            progress.update(done, file_format)
            export(trained, file_format, folder)
        copies = [
            measure_copy(folder, name, data, task, settings)
            for name in settings.formats
            if FORMATS[name].copy_of
        ]
    left_out = _leave_out(copies, folder)
    formats = tuple(name for name in settings.formats if name not in left_out)
    for copy in copies:
        if copy.reason:
            context.progress.notice(f"{copy.artifact} is left out: {copy.reason}.")
    return Outcome(ExportFacts(formats, tuple(copies), contract))


def export(trained: TrainedModel, file_format: str, folder: Path) -> None:
    """Write one format into ``folder``.

    Raises:
        MissingExtra: the package that writes it is not installed.
        ExportFailed: the format cannot represent this network.
    """
    forbid_telemetry()  # some writers use onnxruntime
    try:
        writer = import_module(f"pipeline.export.{file_format}")
        writer.write(trained, artifact_path(folder, file_format))
    except (PipelineError, OSError, MemoryError):
        raise
    except ModuleNotFoundError as error:
        if FORMATS[file_format].needs != error.name:
            raise
        raise MissingExtra(f"The format {file_format} of export.formats", "runtimes") from error
    except Exception as error:  # every converter has its own exceptions
        raise ExportFailed(
            f"export.formats: cannot export the network as {file_format}: "
            f"{type(error).__name__}: {sentence(error)} Choose another model.activation, or remove "
            f"{file_format} from export.formats."
        ) from error


def _metadata(context: Context, data: DataSet) -> dict[str, str]:
    """Return the same metadata in every run; the fingerprint is that of the stage ``train``."""
    config = context.config
    return {
        "task": config.task,
        "output": task_of(config).output_name,
        "data_set": config.data.name,
        "target": json.dumps(config.data.target),
        "labels": json.dumps(data.class_names),
        METADATA_KEY: preprocessing_of(context.output(DataFacts).facts).as_text(),
        "fingerprint": context.fingerprints["train"],
    }


def _evenly_spaced(data: DataSet, count: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """Return training images at equal distances, the same in every run."""
    indices = np.linspace(0, len(data.train) - 1, min(count, len(data.train))).astype(int)
    return np.asarray(data.train.images[np.unique(indices)])


def _leave_out(copies: Sequence[Copy], folder: Path) -> set[str]:
    """Remove the rejected copies, and return their formats."""
    left_out = {copy.format for copy in copies if copy.reason}
    for name in left_out:
        for path in artifact_files(folder, name):
            path.unlink()
    return left_out
