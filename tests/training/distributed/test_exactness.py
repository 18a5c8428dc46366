"""Several workers compute what one computes: in float64, within the rounding of sums."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.workers import start_workers
from tests.support.own_network import own_network
from tests.training.distributed.compared import MEASURED, cases_of

pytestmark = [pytest.mark.process, pytest.mark.tensorflow]
SECONDS = 500


@pytest.fixture(scope="module", params=[2, 4], ids="{} workers".format)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the workers have found, in one launch."""
    folder: Path = tmp_path_factory.mktemp("exactness")
    module, output = "tests.training.distributed.compared", folder / "found.json"
    with own_network() as network:
        started = start_workers(network, module, [output], size=request.param, logs=folder)
        codes = [process.wait(SECONDS) for process in started]
    logs = "\n".join(path.read_text()[-2000:] for path in sorted(folder.glob("*.log")))
    assert not any(codes), logs
    results = json.loads(output.read_text())
    assert list(results["cases"]) == cases_of(request.param)
    return results


@pytest.fixture(scope="module")
def found(written: Any) -> Any:
    """The differences of each case."""
    return written["cases"]


def test_weights_are_those_of_one_worker(found: dict[str, dict[str, Any]]) -> None:
    for name, case in found.items():
        assert case["moved"] > 1e-3, name
        assert case["difference"] <= 1e-12, name


def test_loss_and_hits_are_those_of_one_worker(found: dict[str, dict[str, Any]]) -> None:
    assert all(case["hits"] for case in found.values())
    assert max(case["loss"] for case in found.values()) <= 1e-9


def test_same_number_of_workers_gives_the_same_bits(found: dict[str, dict[str, Any]]) -> None:
    assert all(case["same bits"] for case in found.values())


def test_measured_steps_change_nothing(found: dict[str, dict[str, Any]]) -> None:
    measured = {name: case["seconds"] for name, case in found.items() if case["seconds"]}
    assert measured.keys() == MEASURED & found.keys()
    for name, seconds in measured.items():
        assert not seconds["changed"], name
        assert min(seconds["step"], *seconds["parts"]) > 0, name


def test_averages_are_those_of_single_processes(written: dict[str, dict[str, Any]]) -> None:
    """Of weights and moments, with train.average_every; losses are sums over their own images."""
    averages = written["averages"]
    assert averages["difference"] <= 1e-12
    assert averages["loss"] <= 1e-9
    assert averages["hits"] == pytest.approx(0, abs=1e-6)
