"""Find what is written in a picture, apart from lines of the paper and its surroundings."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.imaging.components import Components, find_components
from pipeline.imaging.grouping import box_around, digit_components, touched_borders
from pipeline.imaging.ink import Ink, ink_on_ground
from pipeline.imaging.lines import without_lines
from pipeline.imaging.morphology import dilated

if TYPE_CHECKING:
    from pipeline.imaging.components import Mask
    from pipeline.imaging.morphology import Gray

MIN_CONTRAST = 0.07  # of ink, 0 to 1: 18 of 255 gray levels
_NOISE = 6  # standard deviations of the paper's grain
_CORE = 0.5  # of a mark's darkest ink; its soft edges and the lines of the paper have less
_EDGE = 0.08  # of a mark's ink: less is the grain of the paper
_FAINT = 0.5  # of the strength of the other ink
_BLACK = np.float32(8)  # gray levels, added so that the mean of black and white is not black
_REACH = 0.2  # of the longer side: light and dark within this distance are compared
_MARGIN = 0.1  # of the size of the marks, on each side
CROPPED = 3  # borders touched by a digit that the picture is cropped to

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Mark:
    """The ink of what may be a digit, 0 to 1, cropped; its box: left, top, right, bottom.

    ``strength`` is its contrast, 0 to 1; ``touched`` the number of borders that it touches.
    """

    box: Box
    ink: Ink
    strength: float
    touched: int

    @property
    def size(self) -> int:
        """The longer side in pixels."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])


def find_marks(gray: "Gray") -> list[Mark]:
    """Return the marks of a picture, from left to right.

    Dark ink leaves light paper between its strokes, which could be light ink on a dark ground. If
    only one of the two grounds is even, that is the paper. Otherwise, ink is what covers less of
    the place around the marks, unless it is much fainter.
    """
    (dark_ink, is_even), (light_ink, is_dark_even) = (
        ink_on_ground(gray, dark=dark) for dark in (True, False)
    )
    if is_even != is_dark_even:
        return _marks(dark_ink if is_even else light_ink)
    dark, light = _marks(dark_ink), _marks(light_ink)
    if not dark or not light:
        return dark or light
    strengths = [max(mark.strength for mark in marks) for marks in (dark, light)]
    if min(strengths) < _FAINT * max(strengths):
        return dark if strengths[0] > strengths[1] else light
    largest = [_largest(marks) for marks in (dark, light)]
    whole = max(largest, key=lambda mark: mark.size)
    if whole.touched >= CROPPED:  # the other marks are inside of its loops
        return dark if whole is largest[0] else light
    return dark if _is_on_light(gray, [mark.box for mark in largest]) else light


def _is_on_light(gray: "Gray", boxes: list[Box]) -> bool:
    """Return whether light pixels are the majority around marks.

    The limit between light and dark is local, and a geometric mean: paper in a shadow is light.
    """
    around = gray[_surroundings(boxes)]
    reach = max(3, round(_REACH * max(gray.shape)))
    high = dilated(around, rows=reach, columns=reach).astype(np.float32) + _BLACK
    low = (~dilated(~around, rows=reach, columns=reach)).astype(np.float32) + _BLACK
    is_near_ink = high - low > MIN_CONTRAST * 255
    is_light = around + _BLACK > np.sqrt(high * low)
    return bool(is_light[is_near_ink].mean() > 0.5)  # noqa: PLR2004


def _largest(marks: list[Mark]) -> Mark:
    return max(marks, key=lambda mark: mark.size)


def _surroundings(boxes: list[Box]) -> tuple[slice, slice]:
    left, top, right, bottom = box_around(np.asarray(boxes))
    margin = round(_MARGIN * max(right - left, bottom - top))
    return (
        slice(max(top - margin, 0), bottom + margin),
        slice(max(left - margin, 0), right + margin),
    )


def _marks(ink: Ink) -> list[Mark]:
    lowest, level = np.quantile(ink[::2, ::2], (0.05, 0.25))  # up to three quarters may be ink
    noise = (level - lowest) / 0.97  # the standard deviation, if it is normal
    ink = ink - level
    floor = max(MIN_CONTRAST, _NOISE * noise)
    if not (ink > floor).any():
        return []
    mask = without_lines(_cores(ink, floor))
    components = find_components(mask)
    marks = [_mark(ink, components, group) for group in digit_components(components)]
    strongest = max((mark.strength for mark in marks), default=0)
    writing = [mark for mark in marks if mark.strength >= _FAINT * strongest]
    return sorted(writing, key=lambda mark: mark.box[0])


def _cores(ink: Ink, floor: float) -> "Mask":
    """Return the pixels that are strong compared with the ink they are connected to."""
    components = find_components(ink > floor)
    peaks = np.zeros(len(components.areas) + 1, np.float32)
    np.maximum.at(peaks, components.labels[ink > floor], ink[ink > floor])
    return (ink > floor) & (ink > _CORE * peaks[components.labels])


def _mark(ink: Ink, components: Components, group: list[int]) -> Mark:
    height, width = ink.shape
    box = box_around(components.boxes[group])
    margin = max(1, round(max(ink.shape) / 150))  # the soft edges of strokes
    left, top = np.maximum(box[:2] - margin, 0)
    right, bottom = np.minimum(box[2:] + margin, (width, height))
    part = ink[top:bottom, left:right]
    core = np.isin(components.labels[top:bottom, left:right], np.asarray(group) + 1)
    strength = float(np.median(part[core]))
    soft = np.clip((part / strength - _EDGE) / (1 - _EDGE), 0, 1) * _widened(core, margin)
    rows, columns = (np.flatnonzero((soft > _EDGE).any(axis=axis)) for axis in (1, 0))
    cropped = soft[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    touched = touched_borders(box, (height, width))
    return Mark((*map(int, box),), cropped, strength, touched)  # type: ignore[arg-type]


def _widened(mask: "Mask", margin: int) -> "Mask":
    from PIL import Image, ImageFilter

    picture = Image.fromarray(mask.astype(np.uint8))
    return np.asarray(picture.filter(ImageFilter.MaxFilter(2 * margin + 1))) > 0
