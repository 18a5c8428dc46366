"""``pipeline gradcheck`` and its ``--explain`` on the command line."""

import json
import re
from pathlib import Path

import pytest

from pipeline.commands.explain import Sample, _scalar
from pipeline.errors import RequestError
from tests.support.command_line import assert_error, in_process
from tests.support.paths import PROJECT, SMOKE


def test_page_requires_explain() -> None:
    done = in_process("gradcheck", SMOKE, "--html", "page.html")
    assert_error(done, 2, "--html page.html requires --explain. Add it.")


def test_numbers_require_explain() -> None:
    done = in_process("gradcheck", SMOKE, "--x", "3")
    assert_error(done, 2, "--x, --y,", "requires --explain. Add it.")


@pytest.mark.parametrize("x", [1e200, float("inf"), float("nan")])
def test_numbers_that_overflow_are_explained(x: float) -> None:
    with pytest.raises(RequestError, match=r"must stay finite; got --x .* Choose smaller numbers"):
        _scalar(Sample(x=x))


@pytest.mark.tensorflow
@pytest.mark.process
def test_explanation_and_page_need_no_data(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    options = ("--explain", "--html", page, "--x", 2, "-C", tmp_path)
    done = in_process("gradcheck", SMOKE, *options)
    assert done.code == 0, done.err
    assert "z1     = w0 x0 = 2 * 2 = 4" in done.out
    assert "784 - 32 - 10 units, one mini-batch of 64 images" in done.out
    assert not (tmp_path / "runs" / "data").exists()
    text = page.read_text()
    assert not re.search(r'src=|href="(?!#)|https?://(?!www\.w3\.org)', text), (
        "it is self-contained"
    )
    [data] = re.findall(r"const data = (\{.*\});", text)
    network = json.loads(data)["network"]
    assert [step["phase"] for step in network] == ["forward"] * 6 + ["backward"] * 7


@pytest.mark.tensorflow
@pytest.mark.process
def test_explanation_of_one_output_with_dropout_and_penalty(tmp_path: Path) -> None:
    overrides = ("model.hidden=[32]", "model.output=relu", "model.l2=0.001")
    options = (*overrides, "--explain", "--json", "-C", tmp_path)
    done = in_process("gradcheck", PROJECT / "configs" / "digit_value.yaml", *options)
    assert done.code == 0, done.err
    explanation = json.loads(done.out)
    assert explanation["widths"] == [784, 32, 1]
    formulas = {step["result"]: step["formula"] for step in explanation["network"]}
    assert formulas["x1"] == "m1 relu(z1)"
    assert formulas["f"] == "max(0, z2)"
    assert formulas["L"] == "mean of (f - y)^2 / 2 + 0.001 sum of W^2"
    assert formulas["dz2"] == "[z2 > 0] (f - y) / n"


@pytest.mark.tensorflow
@pytest.mark.process
def test_explanation_of_the_full_gradient_counts_the_training_images(smoke: Path) -> None:
    options = ("train.batch_size=full", "--explain", "--json", "-C", smoke)
    done = in_process("gradcheck", SMOKE, *options)
    assert (done.code, json.loads(done.out)["batch"]) == (0, 3667), done.err


@pytest.mark.tensorflow
@pytest.mark.process
def test_explanation_of_an_invalid_network_is_an_error(tmp_path: Path) -> None:
    done = in_process("gradcheck", SMOKE, "model.activation=reluu", "--explain", "-C", tmp_path)
    assert done.code != 0
    assert "Unknown activation 'reluu'" in done.err


@pytest.mark.tensorflow
@pytest.mark.process
def test_wrong_gradient_exits_with_1(smoke: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.gradcheck import check

    arguments = ("gradcheck", SMOKE, "model.hidden=[8]", "--json", "-C", smoke)
    done = in_process(*arguments)
    assert (done.code, json.loads(done.out)["passed"]) == (0, True), done.err
    monkeypatch.setattr(check, "TOLERANCE", 0.0)
    done = in_process(*arguments)
    assert (done.code, json.loads(done.out)["passed"]) == (1, False)


@pytest.mark.parametrize(
    ("path", "problem"),
    [("missing/page.html", "the folder missing does not exist"), (".", "it is a folder")],
)
def test_page_that_cannot_be_written_is_refused_first(path: str, problem: str) -> None:
    done = in_process("gradcheck", SMOKE, "--explain", "--html", path)
    assert_error(done, 2, f"Cannot write the page to {path!r}: {problem}.", "such as page.html")
