"""Folders of small generated pictures, arranged by class."""

from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("circle", "cross", "square")


def picture(label: int, number: int, size: tuple[int, int] = (12, 10)) -> Image.Image:
    """A gray picture, stored in color, whose first pixel is its class and second its number."""
    width, height = size
    pixels = np.full((height, width, 3), 60 * label + 20, np.uint8)
    pixels[0, 0], pixels[0, 1] = label, number
    return Image.fromarray(pixels)


def write_classes(root: Path, count: int, *, first: int = 0) -> Path:
    """Write ``count`` pictures of each class below ``root``, numbered from ``first``."""
    for label, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for number in range(first, first + count):
            picture(label, number).save(root / name / f"{number:03}.png")
    return root
