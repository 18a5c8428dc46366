"""``pipeline gradcheck`` and its ``--explain`` on the command line."""

import json
import re
from pathlib import Path

import pytest

from pipeline.commands.explain import Sample, _scalar
from pipeline.errors import RequestError
from tests.support.command_line import assert_error, in_process
from tests.support.paths import SMOKE


def test_page_requires_explain() -> None:
    done = in_process("gradcheck", SMOKE, "--html", "page.html")
    assert_error(done, 2, "--html page.html requires --explain. Add it.")


@pytest.mark.parametrize("x", [1e200, float("inf"), float("nan")])
def test_numbers_that_overflow_are_explained(x: float) -> None:
    with pytest.raises(RequestError, match=r"must stay finite; got --x .* Choose smaller numbers"):
        _scalar(Sample(x=x))


@pytest.mark.tensorflow
@pytest.mark.process
def test_explanation_and_page(smoke: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    options = ("--explain", "--html", page, "--x", 2, "-C", smoke)
    done = in_process("gradcheck", SMOKE, *options)
    assert done.code == 0, done.err
    assert "z1     = w0 x0 = 2 * 2 = 4" in done.out
    assert "784 - 32 - 10 units, one mini-batch of 64 images" in done.out
    text = page.read_text()
    assert not re.search(r"(src|href)=|https?://(?!www\.w3\.org)", text), "it is self-contained"
    [data] = re.findall(r"const data = (\{.*\});", text)
    assert len(json.loads(data)["network"]) == 12


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
