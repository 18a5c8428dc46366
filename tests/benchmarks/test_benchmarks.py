"""The benchmarks run, and their arithmetic is correct; results are not tested."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import compare_seeds, report, training
from benchmarks.regression import ratios
from benchmarks.streaming import displacement
from pipeline.artifacts.data_set import Split
from tests.comparison.members import new_side, new_test_set, one_hot
from tests.support.paths import PROJECT


@pytest.mark.process
def test_this_project_runs_as_a_peer(digits: Split, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", digits.images)
    np.save(tmp_path / "labels.npy", digits.labels)
    problem = {
        "folder": str(tmp_path),
        "hidden": [8],
        "batch_size": 64,
        "epochs": 3,
        "num_images": 400,
    }
    done = subprocess.run(
        [sys.executable, "harness.py", "ours", json.dumps(problem)],
        cwd=PROJECT / "benchmarks" / "peers",
        env={"PYTHONPATH": str(PROJECT), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert len(found["seconds"]) == len(found["losses"]) == 3
    assert found["losses"][2] < found["losses"][0]


def row(peer: str, seconds: float, loss: float = 0.5) -> dict[str, object]:
    return {
        "peer": peer,
        "hidden": [128],
        "batch_size": 32,
        "seconds": seconds,
        "losses": [1.0, loss],
        "first_epoch_overhead": 1.0,
        "version": "1",
    }


def test_first_epoch_of_each_round_is_ignored() -> None:
    runs = [
        {"seconds": [9.0, 1.0, 3.0], "losses": [2.0, 1.0, 0.5], "version": "1"},
        {"seconds": [8.0, 2.0, 2.5], "losses": [2.0, 1.0, 0.5], "version": "1"},
    ]
    found = training.summarize("ours", training.Case((128,), 1, 6_000), runs)
    assert found["seconds"] == pytest.approx(22.5)  # the median of 10, 20, 25, 30
    assert found["first_epoch_overhead"] == pytest.approx((7 + 5.75) / 2)
    failed = training.summarize("ours", training.CASES[0], [runs[0], {"error": "no"}])
    assert failed["error"] == "no"


def test_peer_with_a_deviating_loss_is_marked() -> None:
    rows: list[Any] = [
        row("a", 1, 0.5),
        row("b", 1, 0.51),
        row("c", 1, 0.9),
        {"peer": "d", "error": "no"},
    ]
    training.check_losses(rows)
    assert [one.get("learns") for one in rows] == [True, True, False, None]


def test_tables_compare_peers_with_this_project() -> None:
    rows = [row("ours", 0.5), row("keras_tutorial", 4.0), row("jax_scan", 0.6)]
    assert ratios(rows) == {32: 8.0}
    line = report.seconds_table({"rows": rows}, (128,)).splitlines()[-1]
    assert (
        line == "| 32 | **0.5 s** | 4 s (8.0x) | failed | failed | failed | 0.6 s (1.2x) | failed |"
    )


def test_every_table_has_one_place() -> None:
    for name in report.TABLES:
        places = [page.read_text().count(f"<!-- {name} -->") for page in report.PAGES]
        assert sum(places) == 1, name


def test_deformed_digits_are_weighted_means_of_pixels() -> None:
    matrix = displacement(np.random.default_rng(0))
    np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=0, atol=1e-6)
    assert matrix.min() >= 0
    assert (matrix != 0).sum(axis=1).max() <= 4
    assert not np.allclose(matrix.toarray(), np.eye(784))


def test_comparisons_of_seeds_count_false_alarms_and_planted_regressions(tmp_path: Path) -> None:
    """Twenty networks that are wrong on 9 to 11 of 1,000 images; 5 more are planted."""
    labels = np.arange(1000) % 10
    test_set = new_test_set(tmp_path, labels)
    predictions = []
    for seed in range(20):
        found = labels.copy()
        found[: 9 + seed % 3] += 1
        predictions.append(one_hot(found % 10))
    measured = compare_seeds.measure(new_side("one", test_set, *predictions).members)
    assert (measured["comparisons"], measured["pairs_of_files"]) == (2, 10)
    assert (measured["false_alarms"], measured["regressions_found"]) == (0, 2)
    assert measured["pairs_that_differ"] == 0
    assert measured["spread_points"] == pytest.approx(0.083, abs=0.001)
