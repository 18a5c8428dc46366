"""The format ``openvino``: the intermediate representation, ``model.xml`` and ``model.bin``."""

from pathlib import Path

from pipeline.export.trained_model import TrainedModel
from pipeline.runtimes.openvino_runtime import import_openvino


def write(trained: TrainedModel, path: Path) -> None:
    """Write both files, with float32 weights (the default would be float16)."""
    openvino = import_openvino()
    model = openvino.Core().read_model(trained.onnx.SerializeToString(deterministic=True))
    openvino.save_model(model, path, compress_to_fp16=False)
