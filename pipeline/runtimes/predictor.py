"""The interface of opened models: raw pixels in, probabilities out."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.model_contract import Contract
from pipeline.errors import ImageError
from pipeline.system.resources import num_processors

Images = npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float32]
CHUNK = 4096  # images


def num_threads(num_images: int) -> int:
    """Return the number of threads: one image is faster in one, without synchronization."""
    return 1 if num_images == 1 else num_processors()


class Predictor(ABC):
    """An opened model in any runtime.

    ``contract`` is read from the file; ``class_names`` come from a manifest;
    ``metadata`` is that of the file, if the runtime provides it;
    ``encoded_inputs`` are the file's other signatures, by name, with the same predictions;
    ``load_seconds`` is the time to open the file, if only the runtime can measure it;
    ``warm_up_seconds`` is how long to run the model until it reaches full speed.
    """

    contract: Contract
    class_names: tuple[str, ...] = ()
    metadata: Mapping[str, str] = {}
    encoded_inputs: Mapping[str, Callable[[Images], Probabilities]] = {}
    load_seconds: float | None = None
    warm_up_seconds: float = 0

    def predict(self, images: Images) -> Probabilities:
        """Return probabilities, float32 (n, num_classes), of images, uint8 (n, *image_shape).

        Raises:
            ImageError: the array has a wrong dtype or shape.
        """
        expected = self.contract.image_shape
        if images.dtype != np.uint8 or images.shape[1:] != expected:
            raise ImageError(
                f"Images must be uint8 of shape (n, {', '.join(map(str, expected))}); got "
                f"{images.dtype} of shape {images.shape}. Do not scale them: scaling is part of "
                "the model."
            )
        return self._run(images)

    def predict_all(self, images: Images) -> Probabilities:
        """Predict in chunks of 4,096 images, which bounds memory."""
        chunks = (images[first : first + CHUNK] for first in range(0, len(images), CHUNK))
        return np.concatenate([self.predict(np.asarray(chunk)) for chunk in chunks])

    def time_calls(self, images: Images, *, calls: int, budget_seconds: float) -> list[float]:
        """Return the seconds of at most ``calls`` predictions of the same images."""
        seconds: list[float] = []
        end = time.perf_counter() + budget_seconds
        while len(seconds) < calls and time.perf_counter() < end:
            started = time.perf_counter()
            self._run(images)
            seconds.append(time.perf_counter() - started)
        return seconds

    def peak_memory_bytes(self) -> int | None:
        """Return the peak memory of the process with the model, or None if unknown."""
        return peak_memory_bytes("self")

    @abstractmethod
    def _run(self, images: Images) -> Probabilities:
        """Predict images that fit the contract."""


def peak_memory_bytes(process: int | str) -> int | None:
    """Return the peak resident memory of a process in bytes; None if not on Linux."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return None
    [line] = [line for line in lines if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024
