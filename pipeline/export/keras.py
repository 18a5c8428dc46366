"""The format ``keras``: the trained model itself, for further training."""

from pathlib import Path

from pipeline.export.trained_model import TrainedModel


def write(trained: TrainedModel, path: Path) -> None:
    """Write the ``.keras`` file."""
    trained.model.save(path)
