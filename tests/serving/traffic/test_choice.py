"""Which version --split chooses, and when the default one answers instead."""

import logging
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.serving import metrics
from pipeline.serving.errors import ServingError
from pipeline.serving.model import Model
from pipeline.serving.settings import Limits
from pipeline.serving.traffic.choice import Choice, Chosen
from pipeline.serving.traffic.options import TrafficOptions
from pipeline.serving.versions import Version, open_version

REQUESTS = 4000
SIX_SIGMA = 6 * (REQUESTS * 0.75 * 0.25) ** 0.5


@dataclass
class Call:
    chosen: Chosen | None = None
    id: str | None = None
    trace_id: str | None = None


@pytest.fixture(scope="module")
def first(smoke: Path) -> Version:
    return open_version(smoke / "exported" / "smoke" / "1", "smoke", Limits())


@pytest.fixture
def model(first: Version, request: pytest.FixtureRequest) -> Model:
    """A model of its own name, so that its metrics are its own."""
    name = request.node.name
    first = replace(first, model=name)
    second = replace(first, number=2)
    return Model(name, {1: first, 2: second}, labels={"stable": 1, "canary": 2}, examined=True)


def choice(**shares: float) -> Choice:
    return Choice(TrafficOptions({"": shares}))


def outcomes(model: Model) -> dict[tuple[str, str, str], int]:
    return {
        (sample.labels["label"], sample.labels["version"], sample.labels["outcome"]): int(
            sample.value
        )
        for sample in metrics.samples()
        if sample.name == "pipeline_split_requests_total" and sample.labels["model"] == model.name
    }


def test_shares_of_a_split(model: Model) -> None:
    splitting = choice(stable=0.75, canary=0.25)
    call = Call()
    chosen = Counter(splitting.choose(model, None, None, call).number for _ in range(REQUESTS))
    assert chosen.total() == REQUESTS
    assert abs(chosen[2] - REQUESTS / 4) < SIX_SIGMA  # by chance once in 500 million runs
    assert outcomes(model) == {
        ("stable", "1", "chosen"): chosen[1],
        ("canary", "2", "chosen"): chosen[2],
    }


def test_requests_that_name_a_version_get_it(model: Model) -> None:
    splitting, call = choice(canary=1.0), Call()
    assert splitting.choose(model, "1", None, call).number == 1
    assert call.chosen == Chosen("version", None, False)
    assert splitting.choose(model, None, "stable", call).number == 1
    assert call.chosen == Chosen("label", "stable", False)
    assert splitting.choose(model, None, None, call).number == 2
    assert call.chosen == Chosen("split", "canary", False)
    assert choice(stable=1.0).choose(model, None, None, call).number == 1
    assert call.chosen == Chosen("split", "stable", True)
    other = Choice(TrafficOptions({"another": {"canary": 1.0}}))
    assert other.choose(model, None, None, call).number == 1
    assert call.chosen == Chosen("default", None, True)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"labels": {"stable": 1}}, "there is no label canary"),
        ({"labels": {"stable": 1, "canary": 9}}, "label canary: version 9 does not exist"),
        (
            {"labels": {"stable": 1, "canary": 3}, "rejected": {3: "altered"}},
            "label canary: version 3 was rejected",
        ),
        (
            {"labels": {"stable": 1, "canary": 3}, "loading": frozenset({3})},
            "label canary: version 3 is still loading",
        ),
        (
            {"other_classes": True},
            "label canary: version 2 has other inputs, outputs or classes than version 1",
        ),
    ],
)
def test_default_version_answers_instead(
    model: Model, changes: dict[str, Any], problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    if changes.pop("other_classes", False):
        names = tuple("abcdefghij")
        changes = {"ready": {1: model.ready[1], 2: replace(model.ready[2], class_names=names)}}
    model = replace(model, **changes)
    splitting, call = choice(canary=1.0), Call()
    with caplog.at_level(logging.WARNING, "pipeline.serving"):
        for _ in range(3):
            assert splitting.choose(model, None, None, call).number == 1
            assert call.chosen == Chosen("default", None, True)
    assert [record.message for record in caplog.records] == [
        f"--split: {problem}; the default version is served instead"
    ]
    assert outcomes(model) == {("canary", "1", "fallback"): 3}


def test_error_of_the_default_version_is_returned(model: Model) -> None:
    with pytest.raises(ServingError, match="was unloaded"):
        choice(canary=1.0).choose(Model(model.name, unloaded=True), None, None, Call())
