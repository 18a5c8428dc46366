"""What makes a run fail is found before minutes are spent on it."""

import shutil
import sys
from pathlib import Path

import pytest

from pipeline.config import read
from pipeline.errors import MissingPackages
from pipeline.progress import Silent
from pipeline.stages import STAGES
from tests.support.command_line import assert_error, in_process
from tests.support.files import contents
from tests.support.paths import SMOKE

STRICT = "publish.min_accuracy_on_sample=0.999"
MISSED = "at least 0.9990 (publish.min_accuracy_on_sample); got 0."


@pytest.fixture
def evaluated(smoke: Path, tmp_path: Path) -> Path:
    """A workspace with the smoke model up to the stage ``evaluate``."""
    for stage in ("data", "train", "evaluate"):
        shutil.copytree(smoke / "runs" / stage, tmp_path / "runs" / stage)
    return tmp_path


@pytest.mark.parametrize("until", ["export", "publish"])
def test_missed_gate_ends_the_run_before_the_export(evaluated: Path, until: str) -> None:
    """The output of ``evaluate`` is up to date."""
    before = contents(evaluated / "runs" / "evaluate")
    done = in_process("run", SMOKE, STRICT, "--until", until, "-C", evaluated)
    assert_error(done, 1, MISSED, "Nothing was exported or published.")
    assert contents(evaluated / "runs" / "evaluate") == before
    assert not (evaluated / "runs" / "export").exists()
    assert not (evaluated / "exported").exists()


def test_missed_gate_is_no_failure_of_a_run_until_evaluate(evaluated: Path) -> None:
    assert in_process("run", SMOKE, STRICT, "--until", "evaluate", "-C", evaluated).code == 0


def test_gate_is_checked_right_after_a_new_evaluation(evaluated: Path) -> None:
    shutil.rmtree(evaluated / "runs" / "evaluate")
    done = in_process("run", SMOKE, STRICT, "-C", evaluated)
    assert_error(done, 1, MISSED)
    assert len(list((evaluated / "runs" / "evaluate").iterdir())) == 1
    assert not (evaluated / "runs" / "export").exists()


def test_gate_is_checked_even_if_the_export_is_up_to_date(workspace: Path) -> None:
    done = in_process("run", SMOKE, STRICT, "--until", "export", "-C", workspace)
    assert_error(done, 1, MISSED)


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("override", "code", "words"),
    [
        ("verify.runtimes=[onnxruntim]", 2, ["Unknown runtime 'onnxruntim' (verify.runtimes in"]),
        ("verify.runtimes=[keras, tract]", 3,
         ["Verification in tract (verify.runtimes in the override 'verify.runtimes=[keras, tract]')"
          " requires packages that are not installed. To install them: pip install"]),
        ("data.manual_dir=no/data", 2, ["The folder no/data does not exist (data.manual_dir in"]),
        ("export.formats=[onxx]", 2, ["export.formats", "got 'onxx'"]),
        ("export.formats=[openvino]", 3,
         ["The format openvino of export.formats requires packages", "dense-pipeline[runtimes]"]),
    ],
)  # fmt: skip
def test_error_is_found_before_data_and_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, override: str, code: int, words: list[str]
) -> None:
    for module in ("tract", "openvino"):  # as if they were not installed
        monkeypatch.setitem(sys.modules, module, None)
    done = in_process("run", SMOKE, override, "-C", tmp_path)
    assert_error(done, code, *words)
    assert {"runs/libraries.log"} >= set(contents(tmp_path)) - {"runs"}


def test_named_runtimes_are_checked_even_if_the_export_is_up_to_date(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "tract", None)
    verify = next(stage for stage in STAGES if stage.name == "verify")
    with pytest.raises(MissingPackages, match="Verification in tract"):
        verify.preflight(read(SMOKE, ["verify.runtimes=[keras, onnxruntime, tract]"]), Silent())
    verify.preflight(read(SMOKE, ["verify.runtimes=null"]), Silent())  # all that are installed
