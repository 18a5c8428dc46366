"""The scalar example, number by number."""

import pytest

from pipeline.textbook.scalar_example import Weights
from pipeline.textbook.scalar_steps import scalar_steps

WEIGHTS = Weights(w0=2.0, w1=0.5, w2=3.0)


def test_lines_of_the_example() -> None:
    lines = scalar_steps(1.0, 1.0, WEIGHTS, rate=0.01)
    shown = [f"{line.name} = {line.formula} = {line.numbers} = {line.value:g}" for line in lines]
    assert shown[0] == "z1 = w0 x0 = 2 * 1 = 2"
    assert shown[5] == "L = (z3 - y)^2 / 2 = (3 - 1)^2 / 2 = 2"
    assert shown[9] == "dL/dz2 = [z2 > 0] dL/dx2 = 1 * 6 = 6"
    assert shown[16] == "w2 = w2 - alpha dL/dw2 = 3 - 0.01 * 2 = 2.98"
    assert lines[-1].value < 2, "the loss after the update is smaller"


@pytest.mark.parametrize("x0", [1.0, -1.5])
def test_numbers_of_each_line_give_its_value(x0: float) -> None:
    for line in scalar_steps(x0, -0.5, WEIGHTS, rate=0.25):
        numbers = line.numbers.replace("^", "**")
        assert eval(numbers) == pytest.approx(line.value, rel=1e-4, abs=1e-4), line  # noqa: S307


def test_every_value_of_the_first_pass_is_freed_once() -> None:
    lines = scalar_steps(1.0, 1.0, WEIGHTS, rate=0.01)
    freed = [name for line in lines for name in line.freed]
    first = [line.name for line in lines if line.phase in {"forward", "backward"}]
    assert sorted(freed) == sorted(first)
