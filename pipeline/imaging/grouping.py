"""Choose the components of a mask that are digits, and join the parts of each."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from pipeline.imaging.components import Components

    Boxes = npt.NDArray[np.int64]

_SMALLEST = 0.04  # of the longer side: the size of a digit
_SPECK = 0.1  # of the size of the largest component
_DIGIT = 0.5  # of the size of the largest: another digit, not one of its parts
_INSIDE = 0.3  # of the size of a component around it, which is then a frame
_NEAR = 0.15  # of the size of the largest: parts of one digit
_OVERLAP = 0.3  # of the narrower part's width: one is above the other


def digit_components(components: "Components") -> list[list[int]]:
    """Return the components of each digit: its parts are near, or above and below each other."""
    boxes, kept = components.boxes, _kept(components)
    if not kept:
        return []
    largest = _sizes(boxes)[kept[0]]
    groups: list[list[int]] = []
    for index in kept:
        near = [g for g in groups if any(_belongs(boxes[index], boxes[i], largest) for i in g)]
        groups = [group for group in groups if group not in near]
        groups.append([i for group in near for i in group] + [index])
    extents = [_sizes(box_around(boxes[group])[np.newaxis])[0] for group in groups]
    return [g for g, extent in zip(groups, extents, strict=True) if extent >= _DIGIT * max(extents)]


def touched_borders(box: "Boxes", shape: tuple[int, int]) -> int:
    """Return how many borders of a picture of this shape a box touches."""
    height, width = shape
    near = max(shape) // 150  # a smoothed border
    sides = box[0] <= near, box[1] <= near, box[2] >= width - near, box[3] >= height - near
    return int(np.sum(sides))


def box_around(boxes: "Boxes") -> "Boxes":
    """Return the box that contains all of these."""
    outer = [*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)]
    return np.asarray(outer, np.int64)


def _kept(components: "Components") -> list[int]:
    """Return the components that may be parts of digits, the largest first.

    What touches the border is a shadow, a table or a thumb, unless there is nothing else.
    """
    shape, boxes, sizes = components.labels.shape, components.boxes, _sizes(components.boxes)
    smallest = max(4, _SMALLEST * max(shape))
    order = [int(i) for i in np.argsort(-sizes) if sizes[i] >= 2]  # noqa: PLR2004
    order = [i for i in order if not _is_frame(i, boxes, sizes, smallest)]
    inner = [i for i in order if not touched_borders(boxes[i], shape)]
    for kept in (inner, order):
        if kept and sizes[kept[0]] >= smallest:
            return [i for i in kept if sizes[i] >= _SPECK * sizes[kept[0]]]
    return []


def _is_frame(index: int, boxes: "Boxes", sizes: "Boxes", smallest: float) -> bool:
    """Return whether another component of some size is inside the box of this one."""
    box = boxes[index]
    inside = (boxes[:, :2] > box[:2]).all(axis=1) & (boxes[:, 2:] < box[2:]).all(axis=1)
    return bool((inside & (sizes > max(smallest, _INSIDE * sizes[index]))).any())


def _belongs(one: "Boxes", other: "Boxes", largest: int) -> bool:
    gap_x, gap_y = np.maximum(one[:2], other[:2]) - np.minimum(one[2:], other[2:])
    heights = (one[3] - one[1], other[3] - other[1])
    if -gap_x >= _OVERLAP * min(one[2] - one[0], other[2] - other[0]):
        return bool(gap_y <= 2 * _NEAR * largest)
    both_are_digits = min(heights) >= _DIGIT * max(heights)
    return bool(max(gap_x, gap_y) <= _NEAR * largest * (0.6 if both_are_digits else 1))


def _sizes(boxes: "Boxes") -> "Boxes":
    sizes: Boxes = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    return sizes
