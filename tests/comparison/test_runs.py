"""Which runs a name, a hash or a configuration refers to."""

from typing import Any

import pytest

from pipeline.comparison.finding import _words
from pipeline.comparison.runs import _identity, command_of, find_run
from pipeline.engine.records import Record
from pipeline.errors import RequestError


def record(name: str, fingerprint: str, **values: Any) -> Record:
    return Record(name, fingerprint, {}, "sample", {}, "evaluate", "2026", **values)


RECORDS = [
    record("smoke", "12345678aaaaaaaa"),
    record("smoke", "1234abcdaaaaaaaa"),
    record("other", "12345678aaaaaaaa"),
    record("my-model", "feedbeefaaaaaaaa"),
]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("smoke-12345678", 0),
        ("smoke-1234a", 1),
        ("12345678", 0),  # the newest with the same network
        ("other-12345678aaaaaaaa", 2),
        ("my-model-feed", 3),
        ("smoke", None),
        ("123", None),
        ("my-model", None),
        ("", None),
    ],
)
def test_run_is_found_by_its_name_and_hash(text: str, found: int | None) -> None:
    assert find_run(text, RECORDS) == (None if found is None else RECORDS[found])


def test_ambiguous_hash_is_refused() -> None:
    with pytest.raises(RequestError) as raised:
        find_run("1234", RECORDS)
    assert str(raised.value) == (
        "Several runs have a hash that begins with '1234': other-12345678, smoke-12345678, "
        "smoke-1234abcd. Write more of its digits, or one of these names."
    )


def test_seed_and_what_comes_after_evaluation_do_not_distinguish_configurations() -> None:
    one = {"name": "a", "train.seed": 1, "train.epochs": 2, "export.formats": ["onnx"]}
    other = {"name": "b", "train.seed": 2, "train.epochs": 2, "publish.label": None}
    assert _identity(one) == _identity(other) == {"train.epochs": 2}


def test_command_of_a_run_leaves_out_its_seed() -> None:
    made = record(
        "smoke", "1" * 16, file="smoke.yaml", overrides=("train.seed=3", "train.epochs=2")
    )
    assert command_of(made) == "smoke.yaml train.epochs=2"
    made = record("smoke", "1" * 16, file="smoke.yaml", overrides=("optimizer={name: sgd}",))
    assert command_of(made) == "smoke.yaml 'optimizer={name: sgd}'"
    assert command_of(RECORDS[0]) == "CONFIG"


@pytest.mark.parametrize(
    "text",
    [
        "mlp optimizer={name: sgd, momentum: 0.9} train.epochs=2",
        "mlp 'optimizer={name: sgd, momentum: 0.9}' train.epochs=2",
        "mlp optimizer='{name: sgd, momentum: 0.9}' train.epochs=2",
    ],
)
def test_override_may_contain_spaces(text: str) -> None:
    assert _words(text) == ["mlp", "optimizer={name: sgd, momentum: 0.9}", "train.epochs=2"]
    assert _words("o'clock train.epochs=2") == ["o'clock", "train.epochs=2"]
