"""What counts as a failure: each rule is seen to fail."""

import random
from pathlib import Path
from typing import Any

import pytest

from campaign.kill_reference import STAGES, Reference
from campaign.kills import START, draw
from campaign.leftovers import leftovers, unfinished_versions
from campaign.measured import slow_client_problems
from campaign.model_files import problems
from campaign.request_fuzz import case_names, is_problem


@pytest.mark.parametrize(
    ("kind", "outcome", "written", "expected"),
    [
        ("onnx", "predicted", [], None),
        ("onnx", "rejected: it is damaged", [], None),
        ("onnx", "killed by SIGSEGV", [], None),
        ("folder", "killed by SIGSEGV", [], "killed by SIGSEGV in the process of the command"),
        ("onnx", "killed by SIGALRM", [], "it hung"),
        ("folder", "unexpected: KeyError: 'a'", [], "no clear message: unexpected: KeyError"),
        ("onnx", "rejected: ", [], "no clear message"),
        ("onnx", "rejected: Traceback (most recent call last)", [], "a traceback"),
        ("onnx", "predicted", ["home/mark"], "it wrote home/mark"),
    ],
)
def test_outcomes_of_a_damaged_file(
    kind: str, outcome: str, written: list[str], expected: str | None
) -> None:
    found = problems(kind, outcome, written)
    assert bool(found) == (expected is not None)
    assert expected is None or expected in found[0]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"event": "log", "level": "info", "message": "version ready"}', False),
        (
            '{"event": "log", "level": "warning", "message": "Invalid HTTP request received."}',
            False,
        ),
        ('{"event": "log", "level": "error", "message": "Exception in callback"}', True),
        ('{"event": "log", "level": "info", "message": "version ready", "traceback": "x"}', True),
        ("Fatal Python error: Segmentation fault", True),
    ],
)
def test_lines_of_the_log(line: str, problem: bool) -> None:
    assert is_problem(line) == problem


def measurement(address: str, **changes: Any) -> dict[str, Any]:
    found = {"address": address, "share": 0.9995, "p99_ratio": 2.0, "errors_logged": 0, **changes}
    return {**found, "beside": {"share": found.pop("share")}}


@pytest.mark.parametrize(
    ("address", "changes", "expected"),
    [
        ("127.0.0.2", {}, []),
        ("127.0.0.1", {"share": 0.991, "p99_ratio": 9.0}, []),
        ("127.0.0.2", {"share": 0.998}, ["99.80% of the good requests were answered"]),
        ("127.0.0.1", {"share": 0.98}, ["98.00% of the good requests were answered"]),
        ("127.0.0.2", {"p99_ratio": 3.1}, ["p99 is 3.1 times its quiet value"]),
        ("127.0.0.2", {"p99_ratio": float("nan")}, ["p99 is nan times its quiet value"]),
        ("127.0.0.1", {"errors_logged": 2}, ["2 tracebacks in the log"]),
    ],
)
def test_measurements_of_slow_clients(
    address: str, changes: dict[str, Any], expected: list[str]
) -> None:
    assert slow_client_problems(measurement(address, **changes)) == expected


def test_kills_are_weighted_by_duration() -> None:
    seconds = dict.fromkeys(STAGES, 0.1) | {"train": 20.0, "verify": 10.0}
    chance = random.Random(0)
    stages = [
        draw(chance, Reference(Path(), (), seconds), (START, *STAGES))[0] for _ in range(2000)
    ]
    counts = {stage: stages.count(stage) for stage in (START, *STAGES)}
    assert min(counts.values()) > 2000 * 0.04
    assert counts["train"] > 1.5 * counts["verify"] > 2 * counts["publish"]


def test_differences_and_leftovers_are_found(tmp_path: Path) -> None:
    for name, content in (("whole", b"a"), ("other", b"b")):
        (tmp_path / name / "runs").mkdir(parents=True)
        (tmp_path / name / "runs" / "weights").write_bytes(content)
    reference = Reference(tmp_path / "whole", (), {})
    other = tmp_path / "other"
    assert reference.differences(other) == ["runs/weights"]
    (other / "runs" / "weights").write_bytes(b"a")
    assert reference.differences(other) == []
    (other / "runs" / ".tmp-x-1").mkdir()
    temporary = tmp_path / "tmp"
    (temporary / "pipeline-x").mkdir(parents=True)
    (temporary / "tmpx").mkdir()  # TensorFlow Datasets
    found = leftovers(other, temporary)
    assert found == [str(other / "runs" / ".tmp-x-1"), str(temporary / "pipeline-x")]


def test_half_written_version_is_found(tmp_path: Path) -> None:
    (tmp_path / "smoke" / "1").mkdir(parents=True)
    assert "manifest" in unfinished_versions(tmp_path)[0]


def test_case_names_of_requests() -> None:
    assert case_names(1000) == ["http 0", "grpc 0"]
    names = case_names(1_000_000)
    assert len(names) == 200
    assert names[-1] == "grpc 49"
