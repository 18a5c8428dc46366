"""Counting answers and comparing the last ones with those to the test set, without a server."""

import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from prometheus_client import CollectorRegistry, Histogram

from pipeline.artifacts.answer_distribution import AnswerDistribution
from pipeline.serving import metrics
from pipeline.serving.answer_counts import AnswerCounts
from pipeline.serving.answer_window import AnswerWindow, window_folder
from pipeline.tasks.answers import CONFIDENCE_EDGES, Answers, describe_answers
from pipeline.tasks.registry import task_named

TASK = task_named("multiclass")
NAMES = ("a", "b", "c")
Batch = tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]


def batch(count: int, seed: int = 0, shares: tuple[float, ...] = (0.5, 0.3, 0.2)) -> Batch:
    """Return images and predictions: classes in these shares, with any confidence."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, 4, 4, 1), dtype=np.uint8)
    predictions = random.random((count, 3)) * 0.2
    rows = np.arange(count)
    predictions[rows, random.choice(3, count, p=shares)] += random.uniform(0.3, 1, count)
    predictions /= predictions.sum(axis=1, keepdims=True)
    return images, predictions.astype(np.float32)


@pytest.fixture(scope="module")
def reference() -> AnswerDistribution:
    return describe_answers(TASK, *batch(3000, seed=7)).distribution(len(NAMES))


def counts_of(model: str, window: AnswerWindow | None = None) -> AnswerCounts:
    return AnswerCounts(TASK, NAMES, (model, "1"), 16, window)


def samples(model: str) -> dict[str, float]:
    return {
        sample.name + "".join(sample.labels.get(name, "") for name in ("class", "le")): sample.value
        for sample in metrics.samples()
        if sample.labels.get("model") == model and not sample.name.endswith("_created")
    }


def test_batches_of_any_size_are_counted_once() -> None:
    images, predictions = batch(500)
    counts, first = counts_of("sizes"), 0
    for size in (1, 1, 63, 1, 64, 1, 200, 169):
        counts.add(images[first : first + size], predictions[first : first + size])
        first += size
    counts.flush()
    counts.flush()
    found, whole = samples("sizes"), describe_answers(TASK, images, predictions)
    expected = np.bincount(whole.answer.astype(int))
    assert [found[f"pipeline_answers_total{name}"] for name in NAMES] == expected.tolist()
    assert found["pipeline_answer_confidence_count"] == 500
    assert found["pipeline_input_intensity_sum"] == pytest.approx(whole.intensity.sum())


@pytest.fixture
def switching() -> Iterator[None]:
    """Let threads take turns as often as possible."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("switching")
def test_batches_of_the_inference_thread_are_counted_too() -> None:
    images, predictions = batch(8000)
    counts = counts_of("threads")

    def add(rows: range) -> None:
        for row in rows:
            counts.add(images[row : row + 1], predictions[row : row + 1])

    threads = [threading.Thread(target=add, args=[range(k, 8000, 4)]) for k in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        counts.flush()
    counts.flush()
    assert samples("threads")["pipeline_answer_confidence_count"] == 8000


def test_observing_all_values_at_once_is_observing_each() -> None:
    edges = (*CONFIDENCE_EDGES, 1)
    random = np.random.default_rng(0)
    values = np.concatenate([random.random(1000), edges, [2.0]]).astype(np.float32)
    found = []
    for observe in (metrics.observe_all, each_observed):
        registry = CollectorRegistry()
        histogram = Histogram("h", "", ["l"], registry=registry, buckets=CONFIDENCE_EDGES)
        observe(histogram.labels("x"), values)
        [metric] = registry.collect()
        found.append({(s.name, s.labels.get("le")): s.value for s in metric.samples})
    for key, value in found[0].items():
        assert key[0].endswith("_created") or value == pytest.approx(found[1][key], rel=1e-9)
    assert found[0]["h_count", None] == len(values)


def each_observed(histogram: Any, values: npt.NDArray[np.float32]) -> None:
    for value in values:
        histogram.observe(float(value))


def test_window_tells_a_shift_from_none(reference: AnswerDistribution) -> None:
    counts = counts_of("shift", AnswerWindow(reference, 1000))
    nothing = counts.drift()
    assert nothing
    assert (nothing.window, set(nothing.indices.values())) == (0, {None})
    counts.add(*batch(1000, seed=1))
    same = counts.drift()
    assert same
    assert same.window == 1000
    assert all(value is not None and value < 0.05 for value in same.indices.values())
    images, predictions = batch(1000, seed=2, shares=(0.1, 0.1, 0.8))
    counts.add(255 - images // 2, predictions)
    shifted = counts.drift()
    assert shifted
    assert shifted.window == 1000  # only the last ones
    assert shifted.indices["answer"] > 0.25  # type: ignore[operator]
    assert shifted.indices["intensity"] > 0.25  # type: ignore[operator]
    assert shifted.indices["confidence"] < 0.1  # type: ignore[operator]


def test_version_without_reference_is_counted_without_drift() -> None:
    counts = counts_of("older")
    counts.add(*batch(10))
    assert counts.drift() is None
    assert samples("older")["pipeline_answer_confidence_count"] == 10


def test_windows_of_workers_are_one(
    reference: AnswerDistribution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker that is asked has its own answers at once, those of others once they shared."""
    clock = iter(range(1, 100))
    monkeypatch.setattr("time.time", lambda: float(next(clock)))
    first, second = (AnswerWindow(reference, 500, tmp_path) for _ in range(2))

    def answers(seed: int, count: int) -> Answers:
        return describe_answers(TASK, *batch(count, seed=seed))

    first.add(answers(1, 300))
    assert (first.drift().window, second.drift().window) == (300, 0)
    first.share()
    assert second.drift() == first.drift()
    second.add(answers(2, 150))
    second.share()
    assert second.drift() == first.drift()
    assert first.drift().window == 450
    second.add(answers(3, 400))
    second.share()
    alone = AnswerWindow(reference, 500)
    for seed, count in ((2, 150), (3, 400)):
        alone.add(answers(seed, count))
    assert first.drift() == second.drift() == alone.drift()  # those of the first have left
    del first
    restarted = AnswerWindow(reference, 500, tmp_path)
    assert restarted.drift() == alone.drift()


def test_temporary_file_of_a_killed_worker_is_ignored(
    reference: AnswerDistribution, tmp_path: Path
) -> None:
    (tmp_path / ".tmp-0123.answers-abcdef-host-1").write_bytes(b"half of a")
    assert AnswerWindow(reference, 500, tmp_path).drift().window == 0


def test_files_are_written_only_after_new_answers(
    reference: AnswerDistribution, tmp_path: Path
) -> None:
    window = AnswerWindow(reference, 500, tmp_path)
    window.share()
    assert not list(tmp_path.iterdir())
    window.add(describe_answers(TASK, *batch(5)))
    window.share()
    [file] = tmp_path.iterdir()
    file.unlink()
    window.share()
    assert not list(tmp_path.iterdir())


def test_each_version_and_reference_has_a_folder_of_its_own(
    reference: AnswerDistribution, tmp_path: Path
) -> None:
    other = replace(reference, confidence=None)
    folders = {
        window_folder(tmp_path, model, version, distribution)
        for model in ("a", "b")
        for version in (1, 2)
        for distribution in (reference, other)
    }
    assert len(folders) == 8
