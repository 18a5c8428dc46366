"""Pictures inside the page: one PNG with all images of a kind, shown piece by piece."""

import base64
import io
import math
from collections.abc import Sequence
from html import escape

import numpy as np
import numpy.typing as npt
from PIL import Image

from pipeline.artifacts.data_set import Split

Pixels = npt.NDArray[np.uint8]


class Sprite:
    """Images of one split in one PNG; ``name`` is unique in a page."""

    def __init__(self, name: str, split: Split, indices: Sequence[int]) -> None:
        self.name = name
        chosen = sorted(set(indices))
        self._places = {index: place for place, index in enumerate(chosen)}
        self._columns = math.isqrt(max(len(chosen) - 1, 0)) + 1
        self._images = np.asarray(split.images[chosen])

    def show(self, index: int, text: str) -> str:
        """Return one image with its text alternative."""
        row, column = divmod(self._places[index], self._columns)
        return (
            f'<i class="picture {self.name}" role="img" aria-label="{escape(text)}" '
            f'style="--column:{column};--row:{row}"></i>'
        )

    @property
    def css(self) -> str:
        """The style that all pieces share."""
        rows = -(-len(self._images) // self._columns)
        height, width = self._images.shape[1:3]
        return (
            f".{self.name}{{--columns:{self._columns};--rows:{rows};"
            f"aspect-ratio:{width}/{height};"
            f"background-image:url({data_uri(sheet(self._images, self._columns))})}}"
        )


def sheet(images: Pixels, columns: int, *, gap: int = 0) -> Pixels:
    """Return images (n, height, width, channels) side by side in rows (rows, columns, channels)."""
    images = np.pad(images, ((0, 0), (0, gap), (0, gap), (0, 0)))
    number, height, width, channels = images.shape
    rows = -(-number // columns)
    full = np.zeros((rows * columns, height, width, channels), np.uint8)
    full[:number] = images
    grid = full.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return grid.reshape(rows * height, columns * width, channels)


def png(pixels: Pixels) -> bytes:
    """Return pixels (height, width, 1, 3 or 4 channels) as a PNG."""
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(
        file, "PNG", optimize=True
    )
    return file.getvalue()


def data_uri(pixels: Pixels) -> str:
    """Return pixels (height, width, 1, 3 or 4 channels) as a PNG in a ``data:`` URI."""
    return f"data:image/png;base64,{base64.b64encode(png(pixels)).decode()}"


def weight_pictures(kernel: npt.NDArray[np.float32], shape: tuple[int, int, int]) -> Pixels:
    """Return the weights (inputs, units) of each unit as a picture (units, height, width, 4).

    Gray images: positive weights are blue, negative ones orange, 0 is transparent, so that the
    page's ground shows through. Color images: 0 is gray, and channels are colors.
    """
    weights = kernel.T.reshape(-1, *shape)
    largest = np.abs(weights).max(axis=(1, 2, 3), keepdims=True)
    scaled = weights / np.where(largest == 0, 1, largest)
    pictures = np.empty((*weights.shape[:3], 4), np.uint8)
    if shape[-1] == 3:  # noqa: PLR2004  (red, green, blue)
        pictures[..., :3], pictures[..., 3] = np.rint(127.5 * (1 + scaled)), 255
        return pictures
    value = scaled.mean(axis=-1)
    pictures[..., :3] = np.where(value[..., None] > 0, (31, 119, 200), (214, 104, 20))
    pictures[..., 3] = np.rint(255 * np.abs(value))
    return pictures
