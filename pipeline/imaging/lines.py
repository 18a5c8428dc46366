"""Remove the lines of ruled and squared paper from a mask of ink."""

from typing import TYPE_CHECKING

import numpy as np

from pipeline.imaging.components import find_components
from pipeline.imaging.morphology import closed, opened

if TYPE_CHECKING:
    from pipeline.imaging.components import Mask

_THICKEST = 0.02  # of the longer side
_LENGTH = 0.12  # of the longer side: a piece of a line, which also a slanted one has in few rows
_GAP = 0.02  # of the longer side: where another line crosses
_MIN_SIDE = 100  # pixels: smaller pictures show no lines of paper


def without_lines(mask: "Mask") -> "Mask":
    """Return a mask (height, width) without thin lines that start at its border.

    Pixels where a stroke crosses a line are kept: there, the ink is thicker than the line.
    """
    if max(mask.shape) < _MIN_SIDE:
        return mask
    across, down = _lines(mask), _lines(mask.T).T
    return mask & ~across & ~down


def _lines(mask: "Mask") -> "Mask":
    """Return the thin pixels of lines that run from left to right."""
    side = max(mask.shape)
    levels = mask.astype(np.uint8) * 255
    thin = levels & ~opened(levels, rows=max(3, round(_THICKEST * side)))
    taller = thin.copy()  # a slanted line stays in one row for longer
    taller[1:] |= thin[:-1]
    taller[:-1] |= thin[1:]
    joined = closed(taller, columns=round(_GAP * side) + 3)
    components = find_components(opened(joined, columns=round(_LENGTH * side)) > 0)
    near_line = np.zeros_like(mask)
    columns, rows = np.arange(mask.shape[1]), np.arange(mask.shape[0])[:, np.newaxis]
    for index, (left, _, right, _) in enumerate(components.boxes):
        is_inside = left > _GAP * side and right < mask.shape[1] - _GAP * side
        if is_inside or right - left == 1:
            continue  # the bar of a digit, or a column of a picture that has few
        y, x = np.nonzero(components.labels == index + 1)
        thickness = 1 + len(y) / (right - left) / 2
        near_line |= np.abs(rows - np.polyval(np.polyfit(x, y, 1), columns)) <= thickness
    return (thin > 0) & near_line
