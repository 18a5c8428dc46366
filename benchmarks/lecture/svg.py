"""Drawings as SVG text, readable on light and dark pages: each brings its own background."""

from base64 import b64encode
from collections.abc import Iterable
from html import escape
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

Numbers = npt.NDArray[np.floating]
NUM_COLORS = 8
_LIGHT = ["#0969da", "#bc4c00", "#1a7f37", "#8250df", "#bf3989", "#1b7c83", "#9a6700", "#57606a"]
_DARK = ["#58a6ff", "#f0883e", "#3fb950", "#bc8cff", "#ff7bcb", "#39c5cf", "#d29922", "#9198a1"]
_POSITIVE, _NEGATIVE = (9, 105, 218), (207, 80, 20)  # as far from white as from black


def drawing(width: int, height: int, parts: Iterable[str], *, title: str) -> str:
    """Return an SVG file; ``title`` describes it to those who cannot see it."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">\n<title>{escape(title)}</title>\n'
        f"<style>{_style()}</style>\n"
        f'<rect class="card" x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="6"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def text(x: float, y: float, words: str, kind: str = "", *, anchor: str = "start") -> str:
    """Return words at a baseline; ``anchor`` is start, middle or end."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{_class(kind)}>{escape(words)}</text>'
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str = "axis") -> str:
    """Return a straight line."""
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"{_class(kind)}/>'


def polyline(points: Iterable[tuple[float, float]], kind: str) -> str:
    """Return connected points."""
    return f'<path d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in points)}"{_class(kind)}/>'


def circle(x: float, y: float, radius: float, kind: str) -> str:
    """Return a filled circle."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"{_class(kind)}/>'


def box(x: float, y: float, width: float, height: float, kind: str = "box") -> str:
    """Return a rectangle."""
    size = f'width="{width:.1f}" height="{height:.1f}"'
    return f'<rect x="{x:.1f}" y="{y:.1f}" {size}{_class(kind)}/>'


def signed_image(x: float, y: float, size: float, values: Numbers, largest: float) -> str:
    """Return a matrix as an image: positive values blue, negative ones orange, zero transparent."""
    pixels = np.zeros((*values.shape, 4), np.uint8)
    pixels[..., :3] = np.where((values > 0)[..., None], _POSITIVE, _NEGATIVE)
    pixels[..., 3] = np.round(255 * np.minimum(np.abs(values) / largest, 1))
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    data = b64encode(file.getvalue()).decode()
    return (
        f'<image x="{x:.1f}" y="{y:.1f}" width="{size}" height="{size}" '
        f'style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>'
    )


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _style() -> str:
    dark = f".card{{fill:#161b22;stroke:#3d444d}}{_colors('#e6edf3', '#9198a1', '#30363d', _DARK)}"
    return (
        "text{font:13px system-ui,sans-serif}.small{font-size:11px}.strong{font-weight:600}"
        "path{fill:none;stroke-width:2;stroke-linejoin:round}.axis,.grid{stroke-width:1}"
        ".dashed{stroke-dasharray:4 3}.box{stroke-width:1}.faint{opacity:.45}"
        ".card{fill:#fff;stroke:#d0d7de}"
        f"{_colors('#1f2328', '#59636e', '#e1e6eb', _LIGHT)}"
        f"@media(prefers-color-scheme:dark){{{dark}}}"
    )


def _colors(ink: str, muted: str, grid: str, series: list[str]) -> str:
    return (
        f"text{{fill:{ink}}}.muted{{fill:{muted}}}.axis{{stroke:{muted}}}.grid{{stroke:{grid}}}"
        f".box{{fill:{grid};stroke:{muted}}}"
        + "".join(
            f"path.c{k}{{stroke:{color}}}:is(text,circle,rect).c{k}{{fill:{color}}}"
            for k, color in enumerate(series)
        )
    )
