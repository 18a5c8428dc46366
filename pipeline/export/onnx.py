"""The format ``onnx``: one file, float32."""

from pathlib import Path

from pipeline.export.onnx_graph import write_checked
from pipeline.export.trained_model import TrainedModel


def write(trained: TrainedModel, path: Path) -> None:
    """Write the model as one ONNX file."""
    write_checked(trained.onnx, path)
