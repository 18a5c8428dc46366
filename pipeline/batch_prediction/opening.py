"""Opening the ONNX file of a model, to compute in one thread of each process."""

from pathlib import Path

from pipeline.commands.loading import PathLike, load_model
from pipeline.commands.predict import Reader, reader_of
from pipeline.errors import ModelError
from pipeline.publishing.published_folder import find_published
from pipeline.runtimes.onnxruntime_python import OnnxRuntimePredictor

_FORMAT, _SUFFIX = "onnx", ".onnx"


def open_for_batches(model: PathLike, path: Path) -> Reader:
    """Return the reader of a published model, or of an ``.onnx`` file, in onnxruntime.

    ``model`` is what error messages call it.

    Raises:
        ModelError: it has no ONNX file, or cannot be opened.
    """
    if path.is_file():
        if path.suffix != _SUFFIX:
            raise _no_onnx(f"got {path}")
    elif _FORMAT not in (formats := find_published(path).formats):
        raise _no_onnx(f"{path} has {', '.join(formats) or 'no format'}")
    predictor = load_model(path, runtime="onnxruntime")
    assert isinstance(predictor, OnnxRuntimePredictor), "the runtime of this name"
    predictor.use_one_thread()
    return reader_of(model, path, predictor)


def _no_onnx(found: str) -> ModelError:
    return ModelError(
        f"Predicting into a Parquet file needs the float32 ONNX file of a model; {found}. Publish "
        "it with onnx in export.formats, or predict without --output."
    )
