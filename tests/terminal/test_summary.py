"""The last lines of a run, and one line a file of a verification."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.api import DataSummary, RunResult, SplitMetrics
from pipeline.artifacts.checks import Check
from pipeline.config import read
from pipeline.results.sentences import proof, score_text
from pipeline.terminal.check_tables import print_verification
from pipeline.terminal.run_summary import next_command, print_summary
from tests.support.paths import SMOKE


def check(artifact: str, runtime: str, difference: float, allowed: float, **more: Any) -> Check:
    return Check(artifact, runtime, ran=True, max_abs_diff=difference, allowed_diff=allowed,
                 label_agreement=1.0, score=0.98, **more)  # fmt: skip


CHECKS = (
    check("model.onnx", "onnxruntime", 1e-7, 1e-5),
    check("model.onnx", "tract", 9e-7, 1e-5),
    check("model.xml", "openvino", 2e-6, 9e-5),
    check("model.int8.onnx", "onnxruntime", 0.1, 0.25, precision="int8"),
)


def result(score: float = 0.9836, name: str = "accuracy", **changes: Any) -> RunResult:
    metrics = SplitMetrics(0.1, {name: score}, {name: 2.9 if name == "rmse" else 0.1135})
    made = RunResult(
        name="smoke", config=read(SMOKE, ["train.epochs=3"]), stages=(),
        data=DataSummary("mnist", "tfds", 55_000, 5_000, 10_000), parameters=1, layers=(),
        metrics={"test": metrics}, verification=CHECKS, published=None, publication=None,
    )  # fmt: skip
    return replace(made, **changes)


def shown_score(score: float = 0.9836, name: str = "accuracy") -> str:
    return score_text(result(score, name).metrics["test"], 10_000)


def test_proof_has_the_difference_closest_to_its_tolerance() -> None:
    assert proof(CHECKS) == (
        "Verified 3 files in 3 runtimes, 4 checks: difference 9.0e-07 (tolerance 1.0e-05); "
        "int8 1.0e-01 (tolerance 2.5e-01)"
    )
    assert proof(CHECKS[:1]) == (
        "Verified 1 file in 1 runtime, 1 check: difference 1.0e-07 (tolerance 1.0e-05)"
    )
    assert (
        proof([replace(CHECKS[0], allowed_diff=None)]) == "Verified 1 file in 1 runtime, 1 check."
    )
    assert proof([replace(CHECKS[0], failures=("wrong",))]) == "No file was verified."


def test_passing_rows_are_one_line_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    failed = replace(CHECKS[2], failures=("3 predictions differ",))
    absent = Check("model.xml", "opencv", ran=False, advice="pip install x")
    print_verification([*CHECKS[:2], failed, absent], quiet=False, verbose=False)
    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    shown = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert ["model.onnx", "2 runtimes", "9.0e-07", "1.0e-05", "100.00%", "0.9800"] in shown
    assert ["FAIL model.xml in openvino: 3 predictions differ"] in shown
    assert ["not run in opencv. To install: pip install x"] in shown
    assert not [row for row in shown if row and row[0] == "model.xml"]


def test_accuracy_is_explained_in_images() -> None:
    assert shown_score() == (
        "Test accuracy 98.36 % (95 % CI 98.09 to 98.59): 164 of 10,000 misclassified"
    )
    assert shown_score(1.0) == (
        "Test accuracy 100.00 % (95 % CI 99.96 to 100.00): 0 of 10,000 misclassified"
    )


def test_error_of_a_regression_is_beside_that_of_the_mean() -> None:
    assert shown_score(0.6281, "rmse") == (
        "Test RMSE 0.628 on 10,000 images; always predicting the mean gives 2.900."
    )


def test_next_command() -> None:
    assert next_command(result(), Path()) == f"pipeline run {SMOKE} train.epochs=3"
    assert next_command(result(), Path("a b")).endswith(" train.epochs=3 -C 'a b'")
    published: Any = object()
    assert next_command(result(published=published), Path()) == "pipeline serve smoke"


def test_run_until_training_has_no_score(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(result(metrics={}, verification=()), Path())
    assert capsys.readouterr().out == f"Next: pipeline run {SMOKE} train.epochs=3\n"
