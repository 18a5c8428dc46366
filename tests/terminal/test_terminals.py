"""Commands in a real pseudo-terminal of 40, 80 and 200 columns, seen through an emulator."""

import re
from pathlib import Path

import pytest

from tests.support.command_line import ONNX_ALONE
from tests.support.paths import SMOKE
from tests.support.terminals import Shown, in_terminal

WIDTHS = (40, 80, 200)
LONGEST = 26  # characters of a word that fits beside the names of values in 40 columns


def words(text: str) -> set[str]:
    """The words of an output that are not rules or numbers that differ between runs."""
    return {word for word in re.findall(r"\S+", text) if re.search(r"[a-z]{3}", word)}


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.parametrize("arguments", ["models", "doctor", "verify smoke --runtime onnxruntime"])
def test_no_word_is_broken(smoke: Path, arguments: str) -> None:
    shown = {
        columns: in_terminal(*arguments.split(), "-C", smoke, columns=columns) for columns in WIDTHS
    }
    assert all(one.code == 0 for one in shown.values()), shown[80].text
    everywhere = {word for word in words(shown[200].text) if len(word) <= LONGEST}
    assert len(everywhere) > 5
    assert everywhere <= words(shown[80].text)
    headings = {"file", "model", "what"}  # whose names a list of records does not repeat
    assert everywhere - headings <= words(shown[40].text)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """A whole run in 80 columns."""
    workspace = tmp_path_factory.mktemp("terminal")
    return in_terminal("run", SMOKE, *ONNX_ALONE, "train.epochs=40", "-C", workspace, columns=80)


@pytest.mark.process
@pytest.mark.tensorflow
class TestRun:
    def test_ends_with_the_result_the_proof_and_the_next_command(self, run: Shown) -> None:
        assert run.code == 0, run.text
        text = " ".join(run.lines)
        assert re.search(
            r"Test accuracy \d\d\.\d\d % \(95 % CI [\d.]+ to [\d.]+\): \d+ of [\d,]+ misclassified",
            text,
        )
        assert re.search(
            r"Verified 1 file in 1 runtime, 1 check: difference [\d.e-]+ \(tolerance [\d.e-]+\)",
            text,
        )
        assert re.search(
            r"Published \S+/smoke/1 \(version 1\)\. Next: pipeline serve smoke -C", text
        )
        assert "parameters  " not in text  # tables are for --verbose

    def test_lists_the_stages(self, run: Shown) -> None:
        stages = [line.split()[1] for line in run.lines if line.startswith("✓")]
        assert stages == ["data", "train", "evaluate", "export", "verify", "report", "publish"]

    def test_shows_one_live_line_per_stage(self, run: Shown) -> None:
        live = [line[2:] for line in run.live if line[:1] in set("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")]
        named = {line.split()[0] for line in live}
        assert {"train", "verify"} <= named <= {
            "loading", "data", "train", "evaluate", "export", "verify", "report", "publish"
        }  # fmt: skip
        assert any(re.match(r"verify +─+ +0/1  model.onnx in onnxruntime$", line) for line in live)
        counts = [line.index("/40 epochs") for line in live if "/40 epochs" in line]
        assert counts
        assert len(set(counts)) == 1
        assert not [line for line in live if "━" in line and "/" not in line]  # unknown length


@pytest.mark.process
def test_run_that_is_up_to_date(smoke: Path) -> None:
    shown = in_terminal("run", "smoke", "-C", smoke, columns=40)
    text = " ".join(shown.lines)
    assert shown.code == 0, text
    assert "✓ train     up to date" in text
    assert "was published by an earlier run. Next: pipeline serve smoke" in text


@pytest.mark.process
def test_quiet_run_prints_only_the_result(smoke: Path) -> None:
    shown = in_terminal("run", "smoke", "-q", "-C", smoke, columns=200)
    assert shown.lines[-2].startswith("Test accuracy ")
    assert shown.lines[-1].startswith("Trained on a SAMPLE")
    assert not [line for line in shown.lines if line.startswith("✓")]


@pytest.mark.process
def test_errors_are_wrapped_between_words(tmp_path: Path) -> None:
    shown = in_terminal("run", "smoke", "-q", "-v", "-C", tmp_path, columns=40)
    assert shown.code == 2
    assert shown.lines == [
        "Error: --quiet and --verbose contradict",
        "each other. Remove one of the two",
        "options.",
    ]
