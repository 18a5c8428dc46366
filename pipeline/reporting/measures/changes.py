"""Changes of test images, each by strength; images are uint8 (n, height, width, channels).

Directions alternate from image to image, so that one evaluation covers all of them. Black fills
what an image does not cover.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
_DIRECTIONS = ((0, 1), (1, 0), (0, -1), (-1, 0))  # rows, columns
_SEED = 0


@dataclass(frozen=True)
class Change:
    """One way to change images, and how strongly; 0 is no change."""

    name: str
    strengths: tuple[float, ...]
    apply: Callable[[Images, float], Images]


def changes_for(shape: tuple[int, int, int]) -> tuple[Change, ...]:
    """Return the changes for images of a shape; only strokes in gray images have a thickness."""
    thickness = (Change("thickness", (-1, 1, 2), thicken),) if shape[-1] == 1 else ()
    return (
        Change("shift", (1, 2, 3, 4), shift),
        Change("rotation", (10, 20, 30, 45), rotate),
        Change("noise", (0.1, 0.2, 0.3, 0.5), add_noise),
        *thickness,
        Change("inversion", (0.1, 0.2, 0.4, 1), invert),
    )


def shift(images: Images, pixels: float) -> Images:
    """Return images shifted by whole pixels: right, down, left or up."""
    shifted = np.zeros_like(images)
    for first, (rows, columns) in enumerate(_DIRECTIONS):
        shifted[first::4] = _moved(images[first::4], int(pixels) * rows, int(pixels) * columns)
    return shifted


def rotate(images: Images, degrees: float) -> Images:
    """Return images rotated about their center, to the left or to the right, bilinearly."""
    rotated = np.empty_like(images)
    for first, angle in enumerate((degrees, -degrees)):
        part = np.moveaxis(images[first::2], -1, 1).astype(np.float32)
        if not len(part):  # of a single image
            continue
        turned = part.reshape(-1, part[0, 0].size) @ _rotation(angle, *part.shape[2:])
        rotated[first::2] = np.moveaxis(_pixels(turned).reshape(part.shape), 1, -1)
    return rotated


def _rotation(degrees: float, height: int, width: int) -> npt.NDArray[np.float32]:
    """Return the rotation as a matrix (pixels, pixels), which all images share.

    Its rows are images in which one pixel is white, rotated.
    """
    from scipy.ndimage import rotate as rotated

    pixels = np.eye(height * width, dtype=np.float32).reshape(-1, height, width)
    return np.asarray(rotated(pixels, degrees, axes=(2, 1), reshape=False, order=1)).reshape(
        height * width, -1
    )


def add_noise(images: Images, deviation: float) -> Images:
    """Return images with Gaussian noise, always the same; 1 is the range of a pixel."""
    noise = np.random.default_rng(_SEED).standard_normal(images.shape, np.float32)
    return _pixels(images + np.float32(255 * deviation) * noise)


def thicken(images: Images, pixels: float) -> Images:
    """Return images whose bright strokes are wider by so many pixels on each side, or thinner."""
    combine = np.maximum if pixels > 0 else np.minimum
    for _ in range(abs(int(pixels))):
        widened = images
        for rows, columns in _DIRECTIONS:
            widened = combine(widened, _moved(images, rows, columns))
        images = widened
    return images


def invert(images: Images, share: float) -> Images:
    """Return a mixture of images with their negatives; 1 is the negative alone."""
    return _pixels(np.float32(1 - share) * images + np.float32(share) * (255 - images))


def _moved(images: Images, rows: int, columns: int) -> Images:
    """Return images moved down by ``rows`` and right by ``columns``."""
    _, height, width, _ = images.shape
    size = max(abs(rows), abs(columns))
    padded = np.pad(images, ((0, 0), (size, size), (size, size), (0, 0)))
    top, left = size - rows, size - columns
    return padded[:, top : top + height, left : left + width]


def _pixels(values: npt.NDArray[np.float32]) -> Images:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
