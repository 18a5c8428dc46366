"""Pictures of any size to images of one size, with their aspect ratio kept."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.preprocessing import Fit
from pipeline.imaging.gray import eight_bits, opaque

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image

MODES = {1: "L", 3: "RGB"}  # Pillow's names, by the number of channels
DETAIL = 2  # times the size: a JPEG is decoded at no less, and then averaged


def resized(
    picture: "Image", size: tuple[int, int], fit: Fit, channels: int
) -> npt.NDArray[np.uint8]:
    """Return a picture upright and opaque, as uint8 (height, width, channels) in 0..255.

    ``size`` is (height, width). With ``fit``, the whole picture is centered on black; with
    ``crop``, its center fills the image. A picture that has this size keeps its pixels.
    ``channels`` is 1 or 3.
    """
    from PIL import Image, ImageOps

    height, width = size
    picture.draft(None, (DETAIL * max(size), DETAIL * max(size)))  # large JPEGs: not all pixels
    upright = opaque(eight_bits(ImageOps.exif_transpose(picture))).convert(MODES[channels])
    if fit == "crop":
        image = ImageOps.fit(upright, (width, height), Image.Resampling.BICUBIC)
    else:
        image = _fitted(upright, width, height)
    return np.asarray(image, np.uint8).reshape(height, width, channels)


def resized_arrays(
    images: "Sequence[npt.NDArray[np.uint8]] | npt.NDArray[np.uint8]",
    shape: tuple[int, int, int],
    fit: Fit,
) -> npt.NDArray[np.uint8]:
    """Return images (height, width, 1 or 3), of any sizes, as uint8 (n, *shape).

    Images that have this shape are returned unchanged.
    """
    from PIL import Image

    if isinstance(images, np.ndarray) and images.shape[1:] == shape:
        return images
    height, width, channels = shape
    pictures = (
        Image.fromarray(image.squeeze(2) if image.shape[2] == 1 else image) for image in images
    )
    made = [resized(picture, (height, width), fit, channels) for picture in pictures]
    return np.stack(made) if made else np.zeros((0, *shape), np.uint8)


def _fitted(picture: "Image", width: int, height: int) -> "Image":
    """Scale a picture to fit; ``ImageOps.pad`` fails where a side is rounded to 0 pixels."""
    from PIL import Image

    scale = min(width / picture.width, height / picture.height)
    inner = max(1, round(scale * picture.width)), max(1, round(scale * picture.height))
    image = Image.new(picture.mode, (width, height))
    corner = (width - inner[0]) // 2, (height - inner[1]) // 2
    image.paste(picture.resize(inner, Image.Resampling.BICUBIC), corner)
    return image
