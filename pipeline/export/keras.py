"""The format ``keras``: the trained model itself, to go on training."""

from pathlib import Path

from pipeline.export.trained_model import TrainedModel


def write(trained: TrainedModel, path: Path) -> None:
    """Write the ``.keras`` file."""
    trained.model.save(path)
