"""Convert pictures of digits, such as photographs, to the form of MNIST's images.

A digit is scaled to fit a box of 20 x 20 pixels, preserving its aspect ratio, and its center of
mass is placed at the center of 28 x 28 pixels (LeCun, Cortes, Burges: The MNIST database of
handwritten digits). It is light on dark.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

SIZE, BOX = 28, 20  # pixels: the image, and the box that the digit is scaled to
MAX_SIDE = 1024  # pixels: no digit needs more
_MIN_CONTRAST = 16  # of 255; pictures with less are empty

Gray = npt.NDArray[np.float64]


def is_digit_data_set(data_set: str, image_shape: tuple[int, ...]) -> bool:
    """Return whether a model was trained on MNIST, so that pictures are converted to its form.

    ``data_set`` is its TensorFlow Datasets name, with or without a version.
    """
    return data_set.partition(":")[0] == "mnist" and image_shape == (SIZE, SIZE, 1)


def canonical_digit(picture: "Image") -> npt.NDArray[np.uint8]:
    """Return a digit, uint8 (28, 28, 1) in 0..255, from a picture of any size and polarity.

    A picture that already has this form is returned unchanged; an empty one becomes black.
    """
    from PIL import ImageOps

    upright = _eight_bits(ImageOps.exif_transpose(picture))
    upright.thumbnail((MAX_SIDE, MAX_SIDE))
    gray = np.asarray(_opaque(upright).convert("L"), np.float64)
    if gray.shape == (SIZE, SIZE) and not _is_dark_on_light(gray):
        return gray.astype(np.uint8)[:, :, np.newaxis]
    ink = _ink(gray)
    if ink is None:
        return np.zeros((SIZE, SIZE, 1), np.uint8)
    return _centered(_boxed(ink)).astype(np.uint8)[:, :, np.newaxis]


def _eight_bits(picture: "Image") -> "Image":
    """Scale 16-bit pixels to 8 bits; Pillow would clip them at 255."""
    from PIL import Image

    if not picture.mode.startswith("I"):
        return picture
    return Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))


def _opaque(picture: "Image") -> "Image":
    """Put a transparent picture on white if its ink is dark, otherwise on black."""
    from PIL import Image

    if not picture.has_transparency_data:
        return picture
    layers = picture.convert("RGBA")
    pixels = np.asarray(layers, np.float64)
    weights = pixels[:, :, 3]
    mean = np.average(pixels[:, :, :3].mean(axis=2), weights=weights) if weights.any() else 0
    background = Image.new("RGBA", layers.size, "white" if mean < 128 else "black")  # noqa: PLR2004
    return Image.alpha_composite(background, layers)


def _border(gray: Gray) -> Gray:
    return np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])


def _is_dark_on_light(gray: Gray) -> bool:
    """Return whether the border (the background) is closer to the lightest than the darkest."""
    return bool(np.median(_border(gray)) > (gray.min() + gray.max()) / 2)


def _ink(gray: Gray) -> Gray | None:
    """Return the ink of each pixel, 0 to 255, cropped to the ink; None if there is none."""
    background = np.median(_border(gray))
    ink = np.clip(background - gray if _is_dark_on_light(gray) else gray - background, 0, None)
    if ink.max() < _MIN_CONTRAST:
        return None
    threshold = _otsu(ink)
    rows, columns = (np.flatnonzero((ink > threshold).any(axis=axis)) for axis in (1, 0))
    cropped = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    faint = threshold / 3  # paper grain and shadows are not ink; soft edges are
    return np.clip((cropped - faint) / (np.quantile(ink[ink > threshold], 0.5) - faint), 0, 1) * 255


def _otsu(ink: Gray) -> float:
    """Return the threshold that best separates two classes: max w0 w1 (m0 - m1)^2 (Otsu 1979)."""
    counts, edges = np.histogram(ink, bins=256)
    centers = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    sums = np.cumsum(counts * centers)
    with np.errstate(invalid="ignore", divide="ignore"):
        between = below * above * (sums[:-1] / below - (sums[-1] - sums[:-1]) / above) ** 2
    return float(centers[int(np.nanargmax(between))])


def _boxed(ink: Gray) -> Gray:
    """Scale ink to fit 20 x 20 pixels, preserving its aspect ratio."""
    from PIL import Image

    height, width = ink.shape
    scale = BOX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = Image.fromarray(ink.astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(small, np.float64)


def _centered(digit: Gray) -> Gray:
    """Place the center of mass of a digit, at most 20 x 20, at the center of 28 x 28 pixels."""
    field: Any = np.zeros((SIZE, SIZE))
    offsets = []
    for axis, length in enumerate(digit.shape):
        mass = digit.sum(axis=1 - axis)
        center = np.average(np.arange(length), weights=mass)
        offsets.append(int(np.clip(round(SIZE / 2 - center), 0, SIZE - length)))
    top, left = offsets
    field[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return field  # type: ignore[no-any-return]
