"""The one concept that carries the code: raw bytes in, probabilities out."""

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from pipeline.errors import ImageError
from pipeline.export.contract import Contract

Images = npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float32]


class Predictor(ABC):
    """An opened model, in whatever runtime.

    ``contract`` is read from the file itself; ``class_names`` is what a manifest adds to it.
    """

    contract: Contract
    class_names: tuple[str, ...] = ()

    def predict(self, images: Images) -> Probabilities:
        """Return probabilities, float32 (n, num_classes), of images, uint8 (n, *image_shape).

        Raises:
            ImageError: the array has another dtype or shape.
        """
        expected = self.contract.image_shape
        if images.dtype != np.uint8 or images.shape[1:] != expected:
            raise ImageError(
                f"images must be uint8 of shape (n, {', '.join(map(str, expected))}); got "
                f"{images.dtype} of shape {images.shape}. Scale nothing: the model does it itself."
            )
        return self._run(images)

    @abstractmethod
    def _run(self, images: Images) -> Probabilities:
        """Compute; the images fit the contract."""
