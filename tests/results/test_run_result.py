"""What a result tells about a run: epochs, report, seconds, and how a notebook shows it."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import pipeline
from pipeline.api import RunResult
from pipeline.artifacts.checks import Check
from pipeline.errors import RequestError
from pipeline.progress import Silent
from pipeline.results.card import result_card
from tests.support.paths import PROJECT, SMOKE

pytestmark = pytest.mark.tensorflow

PAGES = PROJECT / "pipeline" / "pages"


def run(workspace: Path, until: str = "publish", **options: Any) -> RunResult:
    return pipeline.run(SMOKE, workspace=workspace, until=until, progress=Silent(), **options)


@pytest.fixture(scope="module")
def shared(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the smoke workspace, in which every stage is up to date."""
    workspace = tmp_path_factory.mktemp("results") / "workspace"
    shutil.copytree(smoke, workspace)
    return workspace


@pytest.fixture(scope="module")
def published(shared: Path) -> RunResult:
    return run(shared)


@pytest.fixture(scope="module")
def evaluated(shared: Path) -> RunResult:
    return run(shared, until="evaluate")


def manifest(workspace: Path, stage: str) -> Any:
    [path] = (workspace / "runs" / stage).glob("*/manifest.json")
    return json.loads(path.read_text())


def test_history_has_each_epoch(published: RunResult, shared: Path) -> None:
    [path] = (shared / "runs" / "train").glob("*/history.json")
    assert [epoch.logs for epoch in published.history] == json.loads(path.read_text())
    assert [epoch.epoch for epoch in published.history] == [1, 2]
    assert set(published.history[0].logs) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert [epoch.learning_rate for epoch in published.history] == pytest.approx([0.005, 0.005])
    first, last = (epoch.seconds for epoch in published.history)
    assert 0 < first < last


def test_history_is_the_same_before_the_report(published: RunResult, evaluated: RunResult) -> None:
    assert evaluated.history == published.history


def test_history_before_the_training_is_empty(shared: Path) -> None:
    assert run(shared, until="data").history == ()


def test_removed_history_is_an_error(workspace: Path) -> None:
    result = run(workspace, until="evaluate")
    shutil.rmtree(workspace / "runs" / "train")
    with pytest.raises(RequestError) as caught:
        _ = result.history
    assert str(caught.value).startswith("The history of the run 'smoke' is no longer in ")
    assert str(caught.value).endswith("removed after the run. Run the configuration again.")
    assert "<svg" not in result._repr_html_()  # a notebook shows the rest


def test_report_is_that_of_the_published_version(published: RunResult, shared: Path) -> None:
    assert published.report == shared / "exported" / "smoke" / "1" / "report.html"
    assert published.report.is_file()


def test_report_without_publishing_is_that_of_the_stage(shared: Path) -> None:
    [folder] = (shared / "runs" / "report").iterdir()
    assert run(shared, until="report").report == folder / "report.html"


def test_report_is_none_before_its_stage(evaluated: RunResult) -> None:
    assert evaluated.report is None


def test_seconds_of_stages_that_are_up_to_date(published: RunResult, shared: Path) -> None:
    seconds = published.seconds
    assert list(seconds.stages) == [stage.name for stage in published.stages]
    for stage, value in seconds.stages.items():
        assert value == manifest(shared, stage)["seconds"]
    assert seconds.stages["train"] > 0
    assert seconds.total == pytest.approx(sum(seconds.stages.values()))
    assert seconds.this_run == 0


def test_model_trained_on_standardized_input_is_evaluated_as_trained(workspace: Path) -> None:
    """The standardization is folded into the weights after the last epoch."""
    changes = ["model.input=standardized", "train.precision=mixed_bfloat16", "train.epochs=1"]
    result = pipeline.run(SMOKE, changes, workspace=workspace, until="evaluate", progress=Silent())
    [epoch] = result.history
    assert result.metrics["validation"].accuracy == pytest.approx(
        epoch.logs["val_accuracy"], abs=0.003
    )


def test_seconds_of_this_run_are_those_of_what_ran(workspace: Path) -> None:
    shutil.rmtree(workspace / "exported")
    result = run(workspace)
    *earlier, publish = result.stages
    assert ({stage.status for stage in earlier}, publish.status) == ({"cached"}, "ran")
    assert 0 < result.seconds.this_run == publish.seconds < result.seconds.total


def test_repr_is_short(published: RunResult, evaluated: RunResult, shared: Path) -> None:
    accuracy = f"accuracy {published.metrics['test'].accuracy:.4f}"
    path = str(shared / "exported" / "smoke" / "1")
    assert repr(published) == f"RunResult('smoke', {accuracy}, {path!r})"
    assert repr(evaluated) == f"RunResult('smoke', {accuracy}, until='evaluate')"


def test_notebook_shows_curves_score_proof_and_labels(published: RunResult) -> None:
    html = published._repr_html_()
    assert re.findall(r"<figcaption>(\w+)</figcaption><svg", html) == ["Loss", "Accuracy"]
    assert re.search(r"Test accuracy \d\d\.\d\d % \(95 % CI .* to .*\): \d+ of 1,000 miscl", html)
    assert "<p>Verified 3 files in 4 runtimes, 4 checks: difference " in html
    assert re.search(r"<p>Published: .*/exported/smoke/1, version 1, labeled stable\.</p>", html)
    assert "Trained on a SAMPLE of 5,000 digits" in html
    assert not re.search(r"<script|href=\"(?!#)|src=|@import|url\((?!#)", html)  # self-contained


def test_notebook_shows_a_run_without_training(shared: Path) -> None:
    html = run(shared, until="data")._repr_html_()
    assert "3,667 images of mnist for training, 333 for validation" in html
    assert "<svg" not in html
    assert "Trained" not in html


def test_notebook_shows_what_failed(published: RunResult) -> None:
    failed = Check("model.int8.onnx", "tract", ran=True, failures=("<b>3</b> labels differ",))
    html = replace(published, verification=(failed,), name="<i>")._repr_html_()
    assert "<p>FAIL model.int8.onnx in tract: &lt;b&gt;3&lt;/b&gt; labels differ</p>" in html
    assert "<h4>&lt;i&gt;</h4>" in html


def test_regression_has_the_curve_of_its_metric(single_output: Path, tmp_path: Path) -> None:
    workspace = shutil.copytree(single_output, tmp_path / "workspace")
    result = pipeline.run(workspace / "digit_value.yaml", workspace=workspace, progress=Silent())
    html = result._repr_html_()
    assert re.findall(r"<figcaption>(\w+)</figcaption><svg", html) == ["Loss", "MAE"]
    assert '<p class="score">Test RMSE ' in html


def test_all_texts_are_escaped() -> None:
    html = result_card("<1>", score="<2>", warning="<3>", epochs=(), notes=["<4>"])
    content = html.split("</style>")[1]
    assert [f"&lt;{n}&gt;" in content for n in range(1, 5)] == [True] * 4


def test_card_has_the_colors_of_the_report() -> None:
    report = (PAGES / "report" / "page.css").read_text()
    card = (PAGES / "result" / "page.css").read_text()
    light, dark = (
        dict(re.findall(r"(--[\w-]+): (#\w+)", block))
        for block in re.findall(r":root \{(.*?)\}", report, re.DOTALL)[:2]
    )
    found = re.findall(r"(--[\w-]+): light-dark\((#\w+), (#\w+)\)", card)
    assert len(found) == 7
    assert [(name, light[name], dark[name]) for name, *_ in found] == found
