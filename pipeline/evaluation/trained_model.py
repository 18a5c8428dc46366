"""Open trained models; networks with the same layers are traced once in a process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile

from pipeline.runtimes.keras_model import KerasPredictor

_idle: dict[str, KerasPredictor] = {}  # of the last network: a study varies its rate and seed


@contextmanager
def trained_model(path: Path) -> Iterator[KerasPredictor]:
    """Yield a predictor with the weights of a ``.keras`` file, to be used only in this context."""
    with ZipFile(path) as archive:
        layers = archive.read("config.json").decode()
    predictor = _idle.pop(layers, None)  # in use until it is put back
    if predictor is None:
        predictor = KerasPredictor(path)
    else:
        predictor.load_weights(path)
    yield predictor
    _idle.clear()
    _idle[layers] = predictor
