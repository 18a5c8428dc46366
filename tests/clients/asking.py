"""Shared by all clients: send the same images in several ways, and save the predictions."""

import argparse
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float32]
Ask = Callable[[Images], Probabilities]
# Each thread opens its own client, since some clients are not thread-safe.
Way = Callable[[], AbstractContextManager[Ask]]

BATCHES = (1, 2, 32, 256)
THREADS = 8


@dataclass(frozen=True)
class Asked:
    """Arguments of a script: HOST:PORT or a URL, a model, images, uint8 (n, *image_shape)."""

    address: str
    model: str
    images: Images
    answers: Path

    def write(self, ways: Mapping[str, Way]) -> None:
        """Write the predictions of all ways, float32 (ways, n, num_classes)."""
        np.save(self.answers, np.stack([ask_all(way, self.images) for way in ways.values()]))
        print(", ".join(ways))


def asked() -> Asked:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("address", "model", "images", "answers"):
        parser.add_argument(name)
    given = parser.parse_args()
    return Asked(given.address, given.model, np.load(given.images), Path(given.answers))


def ask_all(way: Way, images: Images) -> Probabilities:
    """Return predictions: for the first images in batches, for the others singly from threads."""
    *batches, singles = np.split(images, np.cumsum(BATCHES))
    with way() as ask:
        answers = [ask(batch) for batch in batches]
    parts = np.array_split(singles, THREADS)
    with ThreadPoolExecutor(THREADS) as threads:
        answers += threads.map(lambda part: _one_by_one(way, part), parts)
    return np.concatenate(answers)


def _one_by_one(way: Way, images: Images) -> Probabilities:
    with way() as ask:
        return np.concatenate([ask(images[i : i + 1]) for i in range(len(images))])


@contextmanager
def refused(kind: type[Exception], *words: str) -> Iterator[None]:
    """Require the client's own exception, with these words from the server."""
    message = "nothing was raised"
    try:
        yield
    except kind as error:
        message = str(error)
    missing = [word for word in words if word not in message]
    assert not missing, f"{kind.__name__} must contain {missing}; got: {message}"
