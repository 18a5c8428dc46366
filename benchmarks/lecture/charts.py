"""Line charts."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import log10

from benchmarks.lecture.svg import circle, drawing, line, polyline, text

WIDTH, HEIGHT = 480, 310
_LEFT, _TOP, _BOTTOM = 48, 54, 44
_LINE_HEIGHT = 15


@dataclass(frozen=True)
class Axis:
    """The name of an axis and its ticks, from the lowest value to the highest."""

    name: str
    ticks: Sequence[float]
    logarithmic: bool = False

    def position(self, value: float) -> float:
        """Return where a value lies, from 0 at the first tick to 1 at the last."""
        scale: Callable[[float], float] = log10 if self.logarithmic else float
        first, last = scale(self.ticks[0]), scale(self.ticks[-1])
        return (scale(value) - first) / (last - first)


@dataclass(frozen=True)
class Series:
    """A named line, or its points as dots; its color is one of ``svg.NUM_COLORS``."""

    name: str
    points: Sequence[tuple[float, float]]
    color: int
    dashed: bool = False
    dots: bool = False


@dataclass(frozen=True)
class Chart:
    """Lines with their names at the right, where they end; ``extra`` is drawn over them."""

    title: str
    x: Axis
    y: Axis
    series: Sequence[Series]
    right: int = 120  # room for the names

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a point in the drawing."""
        width, height = WIDTH - _LEFT - self.right, HEIGHT - _TOP - _BOTTOM
        return (
            _LEFT + width * self.x.position(x),
            _TOP + height * (1 - self.y.position(y)),
        )

    def draw(self, extra: Sequence[str] = ()) -> str:
        """Return the chart as SVG."""
        parts = [text(12, 21, self.title, "strong"), *self._axes(), *self._lines(), *extra]
        return drawing(WIDTH, HEIGHT, parts, title=self.title)

    def _axes(self) -> Iterator[str]:
        (left, top), (right, bottom) = (
            self.at(self.x.ticks[0], self.y.ticks[-1]),
            self.at(self.x.ticks[-1], self.y.ticks[0]),
        )
        for value in self.y.ticks:
            _, y = self.at(self.x.ticks[0], value)
            yield line(left, y, right, y, "grid")
            yield text(left - 6, y + 4, f"{value:,g}", "small muted", anchor="end")
        for value in self.x.ticks:
            x, _ = self.at(value, self.y.ticks[0])
            yield line(x, bottom, x, bottom + 4)
            yield text(x, bottom + 16, f"{value:,g}", "small muted", anchor="middle")
        yield line(left, bottom, right, bottom)
        yield text((left + right) / 2, bottom + 33, self.x.name, "small muted", anchor="middle")
        yield text(12, top - 12, self.y.name, "small muted")

    def _lines(self) -> Iterator[str]:
        for one in self.series:
            places = [self.at(*point) for point in one.points]
            if one.dots:
                yield from (circle(x, y, 3, f"c{one.color}") for x, y in places)
            else:
                yield polyline(places, f"c{one.color}{' dashed' if one.dashed else ''}")
        yield from self._names()

    def _names(self) -> Iterator[str]:
        """Write each name where its line ends, or above the name before it."""
        ends = [(*self.at(*one.points[-1]), one) for one in self.series]
        previous = float(HEIGHT)
        for x, y, one in sorted(ends, key=lambda end: end[1], reverse=True):
            previous = min(y + 4, previous - _LINE_HEIGHT)
            yield text(x + 6, previous, one.name, f"small c{one.color}")
