"""The text of errors: one line of a library's message, and the closest known name."""

import pickle

import pytest

from pipeline.errors import MissingExtra, TrainingDiverged, did_you_mean, one_line, sentence


def test_error_is_reduced_to_one_line() -> None:
    assert one_line(ValueError("first\n  second\tthird ")) == "first second third"


def test_colors_of_an_error_are_removed() -> None:
    assert one_line(ValueError("a \x1b[1mbold\x1b[0m word")) == "a bold word"


def test_long_error_is_truncated_to_the_limit() -> None:
    error = ValueError("x" * 1000)
    assert one_line(error) == "x" * 300
    assert one_line(error, limit=10) == "x" * 10
    assert one_line(error, limit=None) == "x" * 1000


def test_error_without_text_is_named_by_its_class() -> None:
    assert one_line(AssertionError()) == "AssertionError"


def test_sentence_ends_with_one_period() -> None:
    assert sentence(ValueError("no\nperiod")) == "no period."
    assert sentence(ValueError("One period.")) == "One period."
    assert sentence(ValueError("Is it?")) == "Is it?"
    assert sentence(KeyError()) == "KeyError."


def test_errors_can_be_sent_to_another_process() -> None:
    diverged = TrainingDiverged("The loss became NaN.")
    diverged.history = [{"loss": 1.0}]
    for error in (diverged, MissingExtra("A study on Ray", "ray")):
        received = pickle.loads(pickle.dumps(error))  # noqa: S301  (written here)
        assert type(received) is type(error)
        assert (str(received), vars(received)) == (str(error), vars(error))


@pytest.mark.parametrize(
    ("name", "question"),
    [("epoch", "Did you mean 'epochs'? "), ("SEED", "Did you mean 'seed'? "), ("zzz", "")],
)
def test_closest_name_is_suggested(name: str, question: str) -> None:
    assert did_you_mean(name, ["batch_size", "epochs", "seed"]) == question
