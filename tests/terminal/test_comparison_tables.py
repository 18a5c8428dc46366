"""What ``pipeline compare`` prints for regression, and for more than two sides."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.comparison.comparing import compare_sides
from pipeline.comparison.summaries import CurveSummary, RuntimeSummary
from pipeline.terminal.comparison_tables import print_comparison
from tests.comparison.members import new_side, new_test_set

LABELS = np.arange(8, dtype=np.float32)


def test_three_regressions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    test_set = new_test_set(tmp_path, LABELS, target="value", class_names=())
    sides = []
    for name, error in (("one", 0.1), ("two", 0.2), ("three", 0.3)):
        values = LABELS[:, None] + np.float32(error)
        values[2] -= 2
        sides.append(new_side(name, test_set, values, task="regression", hidden=[8, len(name)]))
    comparison = compare_sides(sides)
    curves = tuple(
        (CurveSummary(name, 3, {"val_loss": loss}, 2, {"val_loss": loss / 2}),)
        for name, loss in (("one", 0.5), ("two", 0.25), ("three", 0.125))
    )
    runtimes = (
        (RuntimeSummary("model.onnx", "onnxruntime", 10_000, {1: 2e-5, 256: 4.4e-6}),),
        (),
        (),
    )
    print_comparison(replace(comparison, curves=curves, runtimes=runtimes))
    text = " ".join(capsys.readouterr().out.split())
    for expected in (
        "A the run one (train.seed 0) B the run two (train.seed 0) C the run three (train.seed 0)",
        "configuration A B C",
        "hidden [8, 3] [8, 3] [8, 5]",
        "test set, 8 images A B C",
        "C against A three-0 against one-0: rmse -0.0",
        "(paired bootstrap, 5,000 resamples). This tests these two files",
        "7 test images have a larger error: ",
        "1 test image has a smaller error: 2 (2: 0.1 -> 0.3).",
        "A 3 0.5000 0.2500 2 B 3 0.2500 0.1250 2 C",
        "model.onnx 0.01 MB - - onnxruntime 20 / 4.4 - - Microseconds per image",
    ):
        assert expected in text
