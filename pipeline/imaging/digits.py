"""Pictures of digits as people have them -> MNIST's canonical form.

A digit is scaled into a box of 20 x 20 pixels, its aspect ratio kept, and its centre of mass is put
on the centre of 28 x 28 pixels (LeCun, Cortes, Burges: The MNIST database of handwritten digits).
It is light on dark.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

SIZE, BOX = 28, 20  # pixels: the image, and the box that the digit is scaled to
MOST_SIDE = 1024  # pixels: no digit needs more
_LEAST_CONTRAST = 16  # of 255; below, a picture is empty

Grey = npt.NDArray[np.float64]


def knows_digits(data_set: str, image_shape: tuple[int, ...]) -> bool:
    """Whether a model was trained on MNIST: then pictures are brought into the form of its images.

    ``data_set`` is its TensorFlow Datasets name, with or without a version.
    """
    return data_set.partition(":")[0] == "mnist" and image_shape == (SIZE, SIZE, 1)


def canonical(picture: "Image") -> npt.NDArray[np.uint8]:
    """Return a digit, uint8 (28, 28, 1) in 0..255, from a picture of any size and polarity.

    A picture that has the form already is returned as it is; an empty one is black.
    """
    from PIL import ImageOps

    upright = _eight_bits(ImageOps.exif_transpose(picture))
    upright.thumbnail((MOST_SIDE, MOST_SIDE))
    grey = np.asarray(_opaque(upright).convert("L"), np.float64)
    if grey.shape == (SIZE, SIZE) and not _is_dark_on_light(grey):
        return grey.astype(np.uint8)[:, :, np.newaxis]
    ink = _ink(grey)
    if ink is None:
        return np.zeros((SIZE, SIZE, 1), np.uint8)
    return _centered(_boxed(ink)).astype(np.uint8)[:, :, np.newaxis]


def _eight_bits(picture: "Image") -> "Image":
    """Scale 16 bits a pixel to 8; Pillow would cut them off at 255."""
    from PIL import Image

    if not picture.mode.startswith("I"):
        return picture
    return Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))


def _opaque(picture: "Image") -> "Image":
    """Lay a transparent picture on white where its ink is dark, else on black."""
    from PIL import Image

    if not picture.has_transparency_data:
        return picture
    layers = picture.convert("RGBA")
    pixels = np.asarray(layers, np.float64)
    weights = pixels[:, :, 3]
    mean = np.average(pixels[:, :, :3].mean(axis=2), weights=weights) if weights.any() else 0
    ground = Image.new("RGBA", layers.size, "white" if mean < 128 else "black")  # noqa: PLR2004
    return Image.alpha_composite(ground, layers)


def _border(grey: Grey) -> Grey:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _is_dark_on_light(grey: Grey) -> bool:
    """Whether the border, which shows the ground, is nearer to the lightest than the darkest."""
    return bool(np.median(_border(grey)) > (grey.min() + grey.max()) / 2)


def _ink(grey: Grey) -> Grey | None:
    """Return how much ink lies on each pixel, 0 to 255, cropped to it; None where there is none."""
    ground = np.median(_border(grey))
    ink = np.clip(ground - grey if _is_dark_on_light(grey) else grey - ground, 0, None)
    if ink.max() < _LEAST_CONTRAST:
        return None
    threshold = _otsu(ink)
    rows, columns = (np.flatnonzero((ink > threshold).any(axis=axis)) for axis in (1, 0))
    cropped = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    faint = threshold / 3  # grain of paper and shadows are not ink; soft edges are
    return np.clip((cropped - faint) / (np.quantile(ink[ink > threshold], 0.5) - faint), 0, 1) * 255


def _otsu(ink: Grey) -> float:
    """Return the threshold that parts two classes best: max w0 w1 (m0 - m1)^2 (Otsu 1979)."""
    counts, edges = np.histogram(ink, bins=256)
    centers = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    sums = np.cumsum(counts * centers)
    with np.errstate(invalid="ignore", divide="ignore"):
        between = below * above * (sums[:-1] / below - (sums[-1] - sums[:-1]) / above) ** 2
    return float(centers[int(np.nanargmax(between))])


def _boxed(ink: Grey) -> Grey:
    """Scale ink to fit into 20 x 20 pixels, its aspect ratio kept."""
    from PIL import Image

    height, width = ink.shape
    scale = BOX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = Image.fromarray(ink.astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(small, np.float64)


def _centered(digit: Grey) -> Grey:
    """Put the centre of mass of a digit, at most 20 x 20, on the centre of 28 x 28 pixels."""
    field: Any = np.zeros((SIZE, SIZE))
    offsets = []
    for axis, length in enumerate(digit.shape):
        mass = digit.sum(axis=1 - axis)
        center = np.average(np.arange(length), weights=mass)
        offsets.append(int(np.clip(round(SIZE / 2 - center), 0, SIZE - length)))
    top, left = offsets
    field[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return field  # type: ignore[no-any-return]
