"""Shared by all clients: send the same images in several variants, and save the predictions."""

import argparse
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Predictions = npt.NDArray[np.float32]
Predict = Callable[[Images], Predictions]
# Each thread opens its own client, since some clients are not thread-safe.
Variant = Callable[[], AbstractContextManager[Predict]]

BATCHES = (1, 2, 32, 256)
THREADS = 8


@dataclass(frozen=True)
class Arguments:
    """Arguments of a script: HOST:PORT or a URL, a model, images, uint8 (n, *image_shape).

    The model's output has the name ``output`` and the shape [batch, ``units``].
    """

    address: str
    model: str
    output: str
    units: int
    images: Images
    predictions: Path

    def write(self, variants: Mapping[str, Variant]) -> None:
        """Write the predictions of all variants, float32 (variants, n, units)."""
        np.save(
            self.predictions,
            np.stack([predict_all(variant, self.images) for variant in variants.values()]),
        )
        print(", ".join(variants))


def parse_arguments() -> Arguments:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("model")
    parser.add_argument("output")
    parser.add_argument("units", type=int)
    parser.add_argument("images", type=np.load)
    parser.add_argument("predictions", type=Path)
    return Arguments(**vars(parser.parse_args()))


def predict_all(variant: Variant, images: Images) -> Predictions:
    """Return predictions: for the first images in batches, for the others singly from threads."""
    *batches, singles = np.split(images, np.cumsum(BATCHES))
    with variant() as predict:
        predictions = [predict(batch) for batch in batches]
    parts = np.array_split(singles, THREADS)
    with ThreadPoolExecutor(THREADS) as threads:
        predictions += threads.map(lambda part: _one_by_one(variant, part), parts)
    return np.concatenate(predictions)


def _one_by_one(variant: Variant, images: Images) -> Predictions:
    with variant() as predict:
        return np.concatenate([predict(images[i : i + 1]) for i in range(len(images))])


def other_outputs(args: Arguments) -> set[str]:
    """Return names that are not the model's output, among them that of ten classes."""
    return {"scores", "probabilities"} - {args.output}


@contextmanager
def expect_error(kind: type[Exception], *words: str) -> Iterator[None]:
    """Require the client's own exception, with these words from the server."""
    message = "nothing was raised"
    try:
        yield
    except kind as error:
        message = str(error)
    missing = [word for word in words if word not in message]
    assert not missing, f"{kind.__name__} must contain {missing}; got: {message}"
