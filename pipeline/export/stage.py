"""The stage ``export``: the trained model -> one artifact for each format."""

from collections.abc import Callable, Sequence
from pathlib import Path

import keras

from pipeline.context import Context, Facts
from pipeline.export.contract import Contract, contract_for
from pipeline.export.formats import artifact_path
from pipeline.export.onnx import write_onnx
from pipeline.export.saved_model import write_saved_model
from pipeline.handover import TRAINED_MODEL_FILE, read_data


def run(context: Context, folder: Path) -> Facts:
    """Write the model in every format into ``folder``, laid out as it will be published."""
    data = read_data(context.outputs["data"].path)
    contract = contract_for(
        context.config.task, image_shape=data.image_shape, num_classes=len(data.class_names)
    )
    formats = list(context.config.export.formats)
    with context.progress.task("exporting"):
        export(context.outputs["train"].path / TRAINED_MODEL_FILE, formats, contract, folder)
    return {"formats": formats, "contract": contract.as_json(), "summary": ", ".join(formats)}


def export(model_file: Path, formats: Sequence[str], contract: Contract, folder: Path) -> None:
    """Write a ``.keras`` file in every format into ``folder``."""
    model = keras.models.load_model(model_file, compile=False, safe_mode=True)
    writers: dict[str, Callable[[Path], None]] = {
        "saved_model": lambda path: write_saved_model(model, contract, path),
        "onnx": lambda path: write_onnx(model, contract, path),
        "keras": model.save,
    }
    for file_format in formats:
        writers[file_format](artifact_path(folder, file_format))
