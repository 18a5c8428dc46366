"""Pictures that are not from MNIST, from packages that the pipeline needs anyway.

The handwriting is the test set of E. Alpaydin and C. Kaynak: Optical Recognition of Handwritten
Digits (UCI Machine Learning Repository, 1998, doi:10.24432/C50P49), by 13 people, which comes with
scikit-learn, as do the two photographs. The letters are of fonts that come with matplotlib.
"""

from functools import cache
from pathlib import Path
from string import ascii_letters
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pipeline.imaging.mnist_form import mnist_form

if TYPE_CHECKING:
    from PIL.Image import Image

_INK_LEVELS = 16  # of the handwriting: 4 x 4 black or white pixels were counted for each pixel
_LIKE_DIGITS = "OoIilSsZzBbqg"
_FONTS = (
    "DejaVuSans",
    "DejaVuSans-BoldOblique",
    "DejaVuSansMono",
    "DejaVuSerif",
    "DejaVuSerif-Italic",
    "STIXGeneral",
)
_LETTER, _SHEET = 64, 128  # pixels: the size of the font, and the side of the picture
_SQUARE = 60  # pixels of a photograph of 640 x 427


@cache  # it takes half a second, and is the same for every model
def handwriting() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return 1,797 digits in the form of MNIST's images, uint8 (n, 28, 28, 1), and their labels."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    inked = [_cropped(image / _INK_LEVELS) for image in digits.images]
    return np.stack([mnist_form(ink) for ink in inked])[..., np.newaxis], digits.target


def letters() -> "list[Image]":
    """Return each letter in six fonts, black on white, but for those that look like digits."""
    import matplotlib as mpl
    from PIL import Image, ImageDraw, ImageFont

    pictures = []
    for name in _FONTS:
        file = Path(mpl.get_data_path(), "fonts", "ttf", f"{name}.ttf")
        font = ImageFont.truetype(str(file), _LETTER)
        for letter in sorted(set(ascii_letters) - set(_LIKE_DIGITS)):
            picture = Image.new("L", (_SHEET, _SHEET), 255)
            middle = (_SHEET / 2, _SHEET / 2)
            ImageDraw.Draw(picture).text(middle, letter, fill=0, font=font, anchor="mm")
            pictures.append(picture)
    return pictures


def photographs() -> "list[Image]":
    """Return the squares that two photographs, of a building and of a flower, divide into."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    return [
        Image.fromarray(photograph[top : top + _SQUARE, left : left + _SQUARE])
        for photograph in load_sample_images().images
        for top in range(0, photograph.shape[0] - _SQUARE + 1, _SQUARE)
        for left in range(0, photograph.shape[1] - _SQUARE + 1, _SQUARE)
    ]


def _cropped(ink: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32)
