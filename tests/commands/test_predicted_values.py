"""``predict`` of a regression: values and no labels, however many digits a picture shows."""

import json
from pathlib import Path

import pytest

from tests.support.command_line import in_process
from tests.support.paths import PROJECT
from tests.support.single_output import DIGIT_VALUE

SEVEN, NUMBER, EMPTY = (
    PROJECT / "samples" / name for name in ("seven.png", "number_172.png", "empty_sheet.png")
)


def test_value_is_null_without_a_single_digit(single_output: Path) -> None:
    """The labels that the model does not have are absent in all three."""
    done = in_process("predict", DIGIT_VALUE, SEVEN, NUMBER, EMPTY, "--json", "-C", single_output)
    seven, number, empty = json.loads(done.out)
    for each in (seven, number, empty):
        assert set(each) == {"file", "index", "value", "unsure", "reason", "digits"}
    assert seven["value"] == pytest.approx(7, abs=3)  # the model is small
    assert (number["value"], empty["value"]) == (None, None)
    assert [set(digit) for digit in number["digits"]] == [{"value", "box", "unsure"}] * 3


def test_values_of_several_digits_are_listed(single_output: Path) -> None:
    done = in_process("predict", DIGIT_VALUE, NUMBER, "--json", "-C", single_output)
    digits = json.loads(done.out)[0]["digits"]
    boxes = [str(tuple(digit["box"])) for digit in digits]
    plain = in_process("predict", DIGIT_VALUE, NUMBER, EMPTY, "-C", single_output)
    assert plain.out.splitlines() == [
        f"{NUMBER}\t3 digits: more than one digit, at {boxes[0]}, {boxes[1]} and {boxes[2]}; "
        "for the value of each: --many",
        f"{EMPTY}\tno digit here",
    ]
    values = " ".join(f"{digit['value']:.4f}" for digit in digits)
    many = in_process("predict", DIGIT_VALUE, NUMBER, "--many", "-C", single_output)
    assert many.out == f"{NUMBER}\t{values}\n"
