"""Pictures of any kind of pixels to gray levels."""

from typing import TYPE_CHECKING

import numpy as np

from pipeline.imaging.morphology import Gray

if TYPE_CHECKING:
    from PIL.Image import Image

_MIDDLE = 128


def gray_levels(picture: "Image", *, max_side: int) -> Gray:
    """Return a picture upright, on an opaque ground, as uint8 (height, width).

    It is scaled down to at most ``max_side`` pixels. Pixels of more than 8 bits are scaled by the
    range that they use: a camera of 12 bits leaves the upper four of 16 empty.
    """
    from PIL import Image, ImageOps

    upright = eight_bits(ImageOps.exif_transpose(picture))
    if max(upright.size) > max_side and upright.mode in {"1", "P"}:  # otherwise not averaged
        upright = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    upright.thumbnail((max_side, max_side), Image.Resampling.BICUBIC)
    return np.asarray(opaque(upright).convert("L"))


def eight_bits(picture: "Image") -> "Image":
    """Return a picture with pixels of more than 8 bits scaled by the range that they use."""
    from PIL import Image

    if not picture.mode.startswith(("I", "F")):
        return picture
    pixels = np.nan_to_num(np.asarray(picture, np.float64))
    lowest, highest = pixels.min(), pixels.max()
    if lowest >= 0 and highest <= 255:  # noqa: PLR2004  (8 bits stored in more)
        return Image.fromarray(pixels.astype(np.uint8))
    scaled = (pixels - lowest) / max(highest - lowest, 1) * 255
    return Image.fromarray(scaled.round().astype(np.uint8))


def opaque(picture: "Image") -> "Image":
    """Put a transparent picture on white if its ink is dark, otherwise on black."""
    from PIL import Image

    if not picture.has_transparency_data:
        return picture
    layers = picture.convert("RGBA")
    pixels = np.asarray(layers, np.float64)
    weights = pixels[:, :, 3]
    mean = np.average(pixels[:, :, :3].mean(axis=2), weights=weights) if weights.any() else 0
    ground = Image.new("RGBA", layers.size, "white" if mean < _MIDDLE else "black")
    return Image.alpha_composite(ground, layers)
