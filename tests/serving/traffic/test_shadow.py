"""Copies for another version: agreement, and that nothing waits for a version that is slow."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipeline.runtimes.predictor import Images
from pipeline.serving import metrics
from pipeline.serving.catalog import Catalog
from pipeline.serving.model import Model
from pipeline.serving.service import Service
from pipeline.serving.settings import Limits, Settings
from pipeline.serving.traffic import shadow
from pipeline.serving.traffic.comparison import compare
from pipeline.serving.traffic.options import TrafficOptions
from pipeline.serving.traffic.traffic import Traffic
from pipeline.serving.versions import Version, open_version
from pipeline.tasks.registry import task_named
from pipeline.tasks.task import Predictions
from tests.serving.traffic.test_choice import Call
from tests.support.processes import wait_until

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), np.uint8)
OPTIONS = TrafficOptions(shadows={"": ("canary", 1.0)})


class OtherPredictor:
    """Computes something else than its version, or first waits for a permission."""

    def __init__(self, predict: Callable[[Images], Predictions]) -> None:
        self.predict = predict


@pytest.fixture(scope="module")
def first(smoke: Path) -> Version:
    return open_version(smoke / "exported" / "smoke" / "1", "smoke", Limits())


@pytest.fixture
def named(first: Version, request: pytest.FixtureRequest) -> Version:
    """A version of a model of its own name, so that its metrics are its own."""
    return replace(first, model=request.node.name)


@pytest.fixture
def services() -> Iterator[list[Service]]:
    """Services whose threads are ended after the test."""
    found: list[Service] = []
    yield found
    for service in found:
        assert service.traffic
        service.traffic.close()


@pytest.fixture
def start(named: Version, services: list[Service]) -> Callable[..., Service]:
    """Start a service whose canary computes with another function."""

    def started(predict: Callable[[Images], Predictions], *, idle: bool = True) -> Service:
        other: Any = OtherPredictor(predict)
        versions = {1: named, 2: replace(named, number=2, predictor=other)}
        labels = {"stable": 1, "canary": 2}
        model = Model(named.model, versions, labels=labels, examined=True)
        service = Service(Settings(Path(), traffic=OPTIONS))
        service.catalog = Catalog({named.model: model}, listed=True)
        settings, find = service.settings, service.catalog.models.get
        service.traffic = Traffic(settings, find, lambda: idle)
        services.append(service)
        return service

    return started


async def ask(service: Service, images: Images = IMAGES, requests: int = 1) -> Predictions:
    [name] = service.catalog.models
    call = Call()
    for _ in range(requests):
        version = service.choose(name, None, None, call)
        result = await service.predict(version, images, service.deadline(), call)
    return result.predictions


def outcomes(service: Service) -> dict[str, int]:
    [model] = service.catalog.models.values()
    assert service.traffic
    found: dict[str, int] = service.traffic.describe(model)["shadow"]["images"]
    return {outcome: count for outcome, count in found.items() if count}


def test_agreement_and_differences(start: Any, named: Version) -> None:
    expected = named.predictor.predict(IMAGES)

    def differs_once(images: Images) -> Predictions:
        found = named.predictor.predict(images)
        found[1] = np.roll(found[1], 1)
        return found

    service = start(differs_once)
    answered = asyncio.run(ask(service))
    np.testing.assert_allclose(answered, expected, rtol=0, atol=1e-6)
    wait_until(lambda: outcomes(service) == {"agreed": 2, "disagreed": 1})
    [model] = service.catalog.models.values()
    largest = float(np.abs(np.roll(expected[1], 1) - expected[1]).max())
    status = service.traffic.describe(model)["shadow"]
    assert {key: status[key] for key in ("label", "fraction", "version", "problem")} == {
        "label": "canary",
        "fraction": 1.0,
        "version": "2",
        "problem": None,
    }
    wait_until(
        lambda: (
            service.traffic.describe(model)["shadow"]["max_difference"]
            == pytest.approx(largest, rel=1e-5)
        )
    )
    counts = {
        sample.labels["le"]: sample.value
        for sample in metrics.samples()
        if sample.name == "pipeline_shadow_difference_bucket"
        and sample.labels["model"] == named.model
    }
    assert counts["+Inf"] == 3
    assert counts["1e-05"] >= 2


def test_requests_do_not_wait_for_a_slow_version(start: Any, named: Version) -> None:
    released, entered = threading.Event(), threading.Event()

    def slow(images: Images) -> Predictions:
        entered.set()
        assert released.wait(60)
        return named.predictor.predict(images)

    service = start(slow)
    asyncio.run(ask(service))
    assert entered.wait(60)
    answered = asyncio.run(ask(service, requests=99))  # would wait for a minute
    assert len(answered) == 3
    dropped = 3 * (100 - shadow._MAX_COPIES)
    assert outcomes(service) == {"dropped": dropped}
    released.set()
    wait_until(lambda: outcomes(service) == {"dropped": dropped, "agreed": 3 * shadow._MAX_COPIES})


def test_images_that_wait_are_limited_in_size(start: Any, named: Version) -> None:
    released = threading.Event()

    def slow(images: Images) -> Predictions:
        assert released.wait(60)
        return named.predictor.predict(images)

    service = start(slow)
    half = np.zeros((11_000, 28, 28, 1), np.uint8)  # of 16 MB
    asyncio.run(ask(service, half, requests=3))
    assert outcomes(service) == {"dropped": 22_000}
    released.set()
    wait_until(lambda: "agreed" in outcomes(service))


def test_copies_are_dropped_while_the_server_is_busy(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow, "_PATIENCE_SECONDS", 0.01)
    called: list[int] = []

    def count(images: Images) -> Predictions:
        called.append(len(images))
        return np.zeros((len(images), 10), np.float32)

    service = start(count, idle=False)
    asyncio.run(ask(service))
    wait_until(lambda: outcomes(service) == {"dropped": 3})
    assert called == []


@pytest.mark.parametrize("kind", ["raises", "nan"])
def test_version_that_fails_is_counted(start: Any, kind: str) -> None:
    def fail(images: Images) -> Predictions:
        if kind == "raises":
            raise RuntimeError("no memory")
        return np.full((len(images), 10), np.nan, np.float32)

    service = start(fail)
    asyncio.run(ask(service, requests=2))
    wait_until(lambda: outcomes(service) == {"failed": 6})


def is_skipped(service: Service, images: int) -> bool:
    return outcomes(service).get("skipped") == images


def test_label_without_another_version_is_skipped(
    start: Any, named: Version, caplog: pytest.LogCaptureFixture
) -> None:
    service = start(named.predictor.predict)
    [model] = service.catalog.models.values()
    assert service.traffic
    # The last one: the newest version is the default one.
    different: list[dict[str, int]] = [{}, {}, {"canary": 9}, {"canary": 2}]
    for count, labels in enumerate(different, 1):
        catalog = {named.model: replace(model, labels=labels)}
        service.traffic._shadow._find = catalog.get
        version = replace(model, labels=labels).version()
        service.traffic._shadow.copy(version, IMAGES, named.predictor.predict(IMAGES))
        wait_until(partial(is_skipped, service, 3 * count))
    assert [record.message for record in caplog.records] == [
        "--shadow: there is no label canary; copies are skipped",
        "--shadow: label canary: version 9 does not exist; copies are skipped",
    ]


def column(*values: float) -> Predictions:
    return np.array(values, np.float32)[:, None]


def test_values_agree_within_the_rmse() -> None:
    version: Any = SimpleNamespace(task=task_named("regression"), score=("rmse", 0.5))
    agree, differences = compare(version, column(1, 1, 1), column(1.5, 1.51, -1))
    assert agree.tolist() == [True, False, False]
    np.testing.assert_allclose(differences, [0.5, 0.51, 2], rtol=1e-5)


def test_binary_answers_agree_on_the_class() -> None:
    version: Any = SimpleNamespace(task=task_named("binary"), score=("accuracy", 0.9))
    agree, _ = compare(version, column(0.4, 0.6), column(0.1, 0.4))
    assert agree.tolist() == [True, False]
