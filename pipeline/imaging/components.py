"""Connected components of a mask, from the runs of its rows.

Runs of neighboring rows that touch are joined; labels spread by pointer jumping (Shiloach and
Vishkin 1982: An O(log n) parallel connectivity algorithm), so that no pixel is visited in Python.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Components:
    """Labels (height, width), 0 is the ground; box and pixel count of each component.

    ``boxes`` is int64 (n, 4): left, top, right, bottom in pixels, the last two exclusive. Row i
    belongs to label i + 1.
    """

    labels: Integers
    boxes: Integers
    areas: Integers


def find_components(mask: Mask) -> Components:
    """Return the components of a mask (height, width); pixels that touch by a corner are joined."""
    height, width = mask.shape
    padded = np.zeros((height, width + 2), np.int8)
    padded[:, 1:-1] = mask
    steps = np.diff(padded, axis=1)
    rows, starts = np.nonzero(steps == 1)
    stops = np.nonzero(steps == -1)[1]
    roots = _roots(len(rows), _touching(rows, starts, stops, width))
    names, labels_of_runs = np.unique(roots, return_inverse=True)
    boxes = np.zeros((len(names), 4), np.int64)
    boxes[:, :2] = max(mask.shape)
    np.minimum.at(boxes[:, 0], labels_of_runs, starts)
    np.minimum.at(boxes[:, 1], labels_of_runs, rows)
    np.maximum.at(boxes[:, 2], labels_of_runs, stops)
    np.maximum.at(boxes[:, 3], labels_of_runs, rows + 1)
    areas = np.bincount(labels_of_runs, stops - starts, len(names)).astype(np.int64)
    labels = np.zeros((height, width), np.int64)
    labels[mask] = np.repeat(labels_of_runs + 1, stops - starts)  # runs are in the order of pixels
    return Components(labels, boxes, areas)


def _touching(rows: Integers, starts: Integers, stops: Integers, width: int) -> Integers:
    """Return pairs (2, n) of runs that touch, each the upper one first."""
    stride = width + 2  # one number for each place, so that one search covers all rows
    first = np.searchsorted(rows * stride + stops, (rows - 1) * stride + starts)
    last = np.searchsorted(rows * stride + starts, (rows - 1) * stride + stops, side="right")
    counts = np.maximum(last - first, 0)
    lower = np.repeat(np.arange(len(rows)), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.stack([np.repeat(first, counts) + within, lower])


def _roots(count: int, pairs: Integers) -> Integers:
    """Return the smallest run that each run is connected to."""
    roots = np.arange(count)
    while True:
        before = roots.copy()
        smallest = np.minimum(roots[pairs[0]], roots[pairs[1]])
        for side in pairs:
            np.minimum.at(roots, before[side], smallest)
        roots = np.minimum(roots, roots[roots])
        if np.array_equal(before, roots):
            return roots
