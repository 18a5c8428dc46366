"""Pictures of digits as people make them, drawn from images of MNIST.

``STYLES`` contains a function for each style. It takes a digit, uint8 (28, 28), light on dark, and
a random generator, and returns the bytes of an image file.
"""

from benchmarks.handwriting import files, pens, sizes, surroundings
from benchmarks.handwriting.drawing import STYLES

__all__ = ["STYLES", "files", "pens", "sizes", "surroundings"]
