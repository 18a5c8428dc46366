"""Colors of the report differ for color-blind people, in light and dark, and have contrast.

Color blindness is simulated with the matrices of Machado, Oliveira and Fernandes (2009), severity
1; colors are compared in OKLab (Ottosson 2020), in which 0.02 is a just noticeable difference.
"""

import re
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest

from pipeline.reporting.figures.style import VARIABLES
from tests.support.paths import PROJECT

Color = npt.NDArray[np.float64]
CSS = (PROJECT / "pipeline" / "pages" / "report" / "page.css").read_text()
SIMULATED = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
LINES = ("--line-1", "--line-2", "--line-3")
LEAST = 0.08  # of a difference in OKLab: four just noticeable ones; lines have dashes as well


def palette(scheme: str) -> dict[str, Color]:
    """Return the linear colors (3,) of a scheme by their variables."""
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2]
    found = dict(re.findall(r"(--[\w-]+): (#\w{6})", light))
    found |= dict(re.findall(r"(--[\w-]+): (#\w{6})", dark)) if scheme == "dark" else {}
    return {name: linear(color) for name, color in found.items()}


def linear(color: str) -> Color:
    values = np.array([int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def oklab(color: Color) -> Color:
    cones = np.cbrt(
        np.array(
            [
                [0.4122214708, 0.5363325363, 0.0514459929],
                [0.2119034982, 0.6806995451, 0.1073969566],
                [0.0883024619, 0.2817188376, 0.6299787005],
            ]
        )
        @ color.clip(0, 1)
    )
    result: Color = (
        np.array(
            [
                [0.2104542553, 0.7936177850, -0.0040720468],
                [1.9779984951, -2.4285922050, 0.4505937099],
                [0.0259040371, 0.7827717662, -0.8086757660],
            ]
        )
        @ cones
    )
    return result


def contrast(first: Color, second: Color) -> float:
    """Return the contrast of WCAG 2."""
    dark, light = sorted(float([0.2126, 0.7152, 0.0722] @ color) for color in (first, second))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("sight", SIMULATED)
def test_lines_and_cells_differ(scheme: str, sight: str) -> None:
    colors, matrix = palette(scheme), np.array(SIMULATED[sight])
    pairs = [*combinations(LINES, 2), ("--wrong", "--right")]
    for one, other in pairs:
        difference = np.linalg.norm(oklab(matrix @ colors[one]) - oklab(matrix @ colors[other]))
        assert difference > LEAST, (one, other, difference)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lines_and_text_have_contrast(scheme: str) -> None:
    colors = palette(scheme)
    for line in LINES:
        assert contrast(colors[line], colors["--card"]) > 3, line
    for ground in ("--card", "--ground"):
        for text in ("--ink", "--quiet", "--accent"):
            assert contrast(colors[text], colors[ground]) > 4.5, (text, ground)
    for cell in ("--wrong", "--right"):
        assert contrast(colors["--ink"], colors[cell]) > 4.5, cell


def test_charts_have_the_colors_of_the_page() -> None:
    light = dict(re.findall(r"(--[\w-]+): (#\w{6})", CSS.split("@media")[0]))
    assert {light[variable]: variable for variable in VARIABLES.values()} == VARIABLES
