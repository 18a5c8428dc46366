"""Morphology of gray levels with rectangles of any size; what is beyond the border has no effect.

Source: Serra 1982, Image Analysis and Mathematical Morphology. Pillow's filters take a time that
grows with the square of the size.
"""

import numpy as np
import numpy.typing as npt

Gray = npt.NDArray[np.uint8]


def dilated(levels: Gray, *, rows: int = 1, columns: int = 1) -> Gray:
    """Return the maximum of each rectangle, uint8 as ``levels`` (height, width)."""
    return _dilated_down(_dilated_down(levels, rows).T, columns).T


def closed(levels: Gray, *, rows: int = 1, columns: int = 1) -> Gray:
    """Return the levels without dark details that are narrower than the rectangle."""
    wide = dilated(levels, rows=rows, columns=columns)
    return ~dilated(~wide, rows=rows, columns=columns)


def opened(levels: Gray, *, rows: int = 1, columns: int = 1) -> Gray:
    """Return the levels without light details that are narrower than the rectangle."""
    return ~closed(~levels, rows=rows, columns=columns)


def _dilated_down(levels: Gray, size: int) -> Gray:
    """Return the maximum over ``size`` (made odd) rows, by doubling the window."""
    half = size // 2
    if not half:
        return levels
    height, width = levels.shape
    reach = np.zeros((height + 2 * half, width), levels.dtype)  # np.pad takes longer than the rest
    reach[half : half + height] = levels
    window = 1
    while 2 * window <= 2 * half + 1:
        reach = np.maximum(reach[:-window], reach[window:])
        window *= 2
    rest = 2 * half + 1 - window
    return np.maximum(reach[:-rest], reach[rest:]) if rest else reach
