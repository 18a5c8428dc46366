"""How errors are worded: one line of what a library says, and the nearest known name."""

import pytest

from pipeline.errors import did_you_mean, one_line


def test_an_error_is_told_in_one_line() -> None:
    assert one_line(ValueError("first\n  second\tthird ")) == "first second third"


def test_a_long_error_is_cut_short_where_a_limit_is_set() -> None:
    error = ValueError("x" * 1000)
    assert one_line(error) == "x" * 300
    assert one_line(error, limit=10) == "x" * 10
    assert one_line(error, limit=None) == "x" * 1000


def test_an_error_without_words_is_named_by_its_class() -> None:
    assert one_line(AssertionError()) == "AssertionError"


@pytest.mark.parametrize(
    ("name", "question"),
    [("epoch", "Did you mean 'epochs'? "), ("seed", "Did you mean 'seed'? "), ("zzz", "")],
)
def test_the_nearest_name_is_asked_for(name: str, question: str) -> None:
    assert did_you_mean(name, ["batch_size", "epochs", "seed"]) == question
