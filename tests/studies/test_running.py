"""Studies that run: real trainings on the sample, shared, pruned, diverged, interrupted."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pipeline import api
from pipeline.engine.workspace import Workspace
from pipeline.errors import ConfigError
from pipeline.studies.documents.results_json import results_document
from pipeline.studies.outcomes import read_outcome
from pipeline.studies.results import StudyResult
from tests.support.paths import SMOKE

pytestmark = pytest.mark.tensorflow

SGD = "{value: sgd, axes: {optimizer.learning_rate: [0.1, 1e30]}}"
GRID = f"axes: {{optimizer: [{SGD}, adam], train.seed: [0, 1]}}"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studies")


def study_file(folder: Path, *lines: str, name: str = "few") -> Path:
    file = folder / f"{name}.yaml"
    common = [f"name: {name}", f"base: {SMOKE}", "overrides: {train.epochs: 2, model.hidden: [8]}"]
    threads = f"threads: {len(os.sched_getaffinity(0))}"  # as other tests in the same process
    file.write_text("\n".join([*common, *lines, threads]) + "\n")
    return file


@pytest.fixture(scope="module")
def result(workspace: Path) -> StudyResult:
    return api.study(study_file(workspace, GRID), workspace=workspace)


def document(result: StudyResult) -> dict[str, Any]:
    """Return the document without seconds, the only values that may differ between two runs."""
    text = json.dumps(results_document(result))
    found: dict[str, Any] = json.loads(
        text, object_hook=lambda d: {k: v for k, v in d.items() if k != "seconds"}
    )
    return found


def trained(workspace: Path) -> dict[str, int]:
    """Return when each network was trained, by its fingerprint."""
    folders = (workspace / "runs" / "train").iterdir()
    return {path.name: path.stat().st_mtime_ns for path in folders}


def test_trials_are_in_the_order_of_the_axes(result: StudyResult) -> None:
    values = [(t.values["optimizer"], t.values["train.seed"], t.status) for t in result.trials]
    assert values == [
        ("sgd", 0, "complete"),
        ("sgd", 1, "complete"),
        ("sgd", 0, "diverged"),
        ("sgd", 1, "diverged"),
        ("adam", 0, "complete"),
        ("adam", 1, "complete"),
    ]


def test_trial_that_diverges_is_a_result(result: StudyResult) -> None:
    diverged = [trial for trial in result.trials if trial.status == "diverged"]
    assert all(trial.metrics == {} for trial in diverged)
    assert "The loss became NaN or infinite in epoch 1" in diverged[0].reason


def test_winner_is_chosen_by_validation_and_has_the_only_test_figures(result: StudyResult) -> None:
    best = document(result)["best"]
    means = {str(g.values): g.mean for g in result.groups if g.mean is not None}
    assert best["seeds"]["mean"] == max(means.values())
    assert best["overrides"]["optimizer"] in ("sgd", "adam")
    assert 0.5 < best["test"]["accuracy"] < 1
    assert len(result.test) == 2  # one for each seed of the winner
    assert all("test" not in trial for trial in document(result)["trials"])


def test_second_run_trains_nothing_and_gives_the_same(workspace: Path, result: StudyResult) -> None:
    before = trained(workspace)
    again = api.study(study_file(workspace, GRID), workspace=workspace)
    assert trained(workspace) == before
    assert results_document(again) == results_document(result)  # seconds too: those of training


def test_two_studies_share_trials(workspace: Path, result: StudyResult) -> None:
    del result
    before = trained(workspace)
    axes = "axes: {train.seed: [1, 0], optimizer: [adam]}"
    other = api.study(study_file(workspace, axes, name="other"), workspace=workspace)
    assert trained(workspace) == before
    assert [trial.values["train.seed"] for trial in other.trials] == [1, 0]


def test_trial_is_the_run_with_the_same_overrides(workspace: Path, result: StudyResult) -> None:
    trial = result.trials[0]
    overrides = result.study.config_of(trial.values).origin.overrides
    run = api.run(SMOKE, overrides, workspace=workspace, until="evaluate")
    assert [stage.status for stage in run.stages] == ["cached"] * 3
    assert run.metrics["validation"].accuracy == trial.metrics["accuracy"]


def test_missed_gate_does_not_fail_a_trial(workspace: Path, result: StudyResult) -> None:
    del result
    file = study_file(workspace, "axes: {optimizer: [adam]}", name="gate")
    gate = "overrides: {publish.min_accuracy_on_sample: 1.0, "
    file.write_text(file.read_text().replace("overrides: {", gate))
    found = api.study(file, workspace=workspace)
    assert [trial.status for trial in found.trials] == ["complete"]


def test_budget_ends_a_study(workspace: Path, result: StudyResult) -> None:
    del result
    for budget, count in (("trials: 3", 3), ("epochs: 3", 2), ("images: 1", 1)):
        file = study_file(workspace, GRID, f"budget: {{{budget}}}", name="budget")
        assert len(api.study(file, workspace=workspace).trials) == count


def test_trial_that_cannot_run_is_named(workspace: Path) -> None:
    file = study_file(workspace, "axes: {train.batch_size: [100000]}", name="invalid")
    with pytest.raises(ConfigError) as error:
        api.study(file, workspace=workspace)
    text = str(error.value)
    assert text.startswith("The trial with train.batch_size=100000 cannot run.")
    assert "at most the number of training images" in text
    assert f"got 100,000 in {file}, line 4" in text


PRUNED = (
    "axes: {optimizer.learning_rate: [0.01, 0.005, 1.0e-6, 1.0e-5]}",
    "pruner: {name: median, n_startup_trials: 2}",
)


def test_pruner_stops_trials_that_are_worse_than_the_median(workspace: Path) -> None:
    found = api.study(study_file(workspace, *PRUNED, name="pruned"), workspace=workspace)
    assert [trial.status for trial in found.trials] == ["complete", "complete", "pruned", "pruned"]
    assert [len(trial.history) for trial in found.trials] == [2, 2, 1, 1]
    assert found.trials[2].reason == "stopped by the pruner after epoch 1"
    assert 0 < found.trials[2].metrics["accuracy"] < found.trials[1].metrics["accuracy"]
    before = trained(workspace)
    again = api.study(study_file(workspace, *PRUNED, name="pruned"), workspace=workspace)
    assert trained(workspace) == before
    assert document(again) == document(found)

    # A trial that is complete, because another study does not prune it, is pruned all the same.
    other = api.study(study_file(workspace, PRUNED[0], name="not_pruned"), workspace=workspace)
    assert [trial.status for trial in other.trials] == ["complete"] * 4
    again = api.study(study_file(workspace, *PRUNED, name="pruned"), workspace=workspace)
    assert document(again) == document(found)


def test_longer_one_of_two_pruned_trainings_is_stored(workspace: Path) -> None:
    """Another study may have a pruner that stops the same training later."""
    axes = "axes: {optimizer.learning_rate: [0.02, 2.0e-6]}"
    first, second = (
        study_file(
            workspace,
            axes,
            f"pruner: {{name: median, n_startup_trials: 1, n_warmup_steps: {steps}}}",
            name=f"warm_{steps}",
        )
        for steps in (1, 2)
    )
    lengths = [len(api.study(f, workspace=workspace).trials[1].history) for f in (first, second)]
    assert lengths == [1, 2]
    fingerprint = api.study(first, workspace=workspace).trials[1].fingerprint
    stored = read_outcome(Workspace(workspace), fingerprint)
    assert stored is not None
    assert (stored.status, len(stored.history)) == ("pruned", 2)


def test_sampler_proposes_the_same_trials_again(workspace: Path) -> None:
    lines = (
        "axes: {optimizer.learning_rate: {low: 0.0001, high: 0.1, log: true}, "
        "train.batch_size: {low: 64, high: 128, step: 64}, optimizer.name: [adam, rmsprop]}",
        "search: {name: tpe, seed: 3, n_startup_trials: 2}",
        "budget: {trials: 4}",
    )
    found = api.study(study_file(workspace, *lines, name="tpe"), workspace=workspace)
    rates = [trial.values["optimizer.learning_rate"] for trial in found.trials]
    assert all(0.0001 <= rate <= 0.1 for rate in rates)
    assert len(set(rates)) == len(rates) == 4
    assert {type(trial.values["train.batch_size"]) for trial in found.trials} == {int}
    before = trained(workspace)
    again = api.study(study_file(workspace, *lines, name="tpe"), workspace=workspace)
    assert trained(workspace) == before
    assert document(again) == document(found)


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        (
            "{train.seed: [5, 6], optimizer: [sgd, adam, adm]}",
            ["The trial with train.seed=5, optimizer=adm cannot run.", "Did you mean 'adam'?"],
        ),
        (
            "{train.seed: [5, 6], model.activation: [relu, rleu]}",
            ["model.activation=rleu cannot run.", "Did you mean 'relu'?"],
        ),
        (
            "{model.dropout: [0, 0.2], train.batch_size: [full], optimizer: [sgd, l_bfgs]}",
            ["The trial with model.dropout=0.2, train.batch_size=full, optimizer=l_bfgs cannot"],
        ),
    ],
)
def test_every_trial_of_a_grid_is_checked_before_the_first_one_begins(
    tmp_path: Path, axes: str, words: list[str]
) -> None:
    with pytest.raises(ConfigError) as error:
        api.study(study_file(tmp_path, f"axes: {axes}"), workspace=tmp_path)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert not (tmp_path / "runs").exists()


def test_values_added_before_a_stored_trial_are_checked(workspace: Path) -> None:
    file = study_file(workspace, "axes: {train.batch_size: [96]}", name="extended")
    api.study(file, workspace=workspace)
    before = trained(workspace)
    axes = "axes: {train.batch_size: [97, 100000, 96]}"
    with pytest.raises(ConfigError, match=r"with train\.batch_size=100000 cannot run"):
        api.study(study_file(workspace, axes, name="extended"), workspace=workspace)
    assert trained(workspace) == before


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        (
            "{optimizer.learning_rate: {low: 0.1, high: 0.2}, model.activation: [relu, rleu]}",
            ["learning_rate=0.1, model.activation=rleu cannot run.", "Did you mean 'relu'?"],
        ),
        (
            "{optimizer.learning_rate: {low: 0.1, high: 0.2}, train.batch_size: [64, 4096]}",
            [
                "The trial with optimizer.learning_rate=0.1, train.batch_size=4096 cannot run.",
                "at most the number of training images, 3,667; got 4,096 in",
                "random.yaml, line 4. Write full for all images.",
            ],
        ),
    ],
)
def test_every_value_of_a_sampler_is_checked_before_the_first_trial_begins(
    tmp_path: Path, axes: str, words: list[str]
) -> None:
    lines = (f"axes: {axes}", "search: random", "budget: {trials: 2}")
    with pytest.raises(ConfigError) as error:
        api.study(study_file(tmp_path, *lines, name="random"), workspace=tmp_path)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert not (tmp_path / "runs" / "train").exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "a"),
        ("publish.min_accuracy", "0.5"),
        ("export.formats", "[onnx]"),
        ("verify.runtimes", "[onnxruntime]"),
    ],
)
def test_axes_that_no_trial_reads_are_refused(tmp_path: Path, key: str, value: str) -> None:
    file = study_file(tmp_path, f"axes: {{train.seed: [0], {key}: [{value}]}}")
    with pytest.raises(ConfigError) as error:
        api.study(file, workspace=tmp_path)
    assert str(error.value) == (
        f"axes.{key} has no effect: the trials of a study end after evaluate, and no stage up to "
        f"it reads the key; got it in {file}, line 4. Remove it."
    )


def test_another_file_of_the_same_name_does_not_overwrite_the_results(
    workspace: Path, result: StudyResult
) -> None:
    before = (result.folder / "results.json").read_bytes()
    (workspace / "other").mkdir()
    other = study_file(workspace / "other", "axes: {train.seed: [0]}")
    with pytest.raises(ConfigError) as error:
        api.study(other, workspace=workspace)
    known = os.path.relpath(workspace / "few.yaml")
    assert str(error.value) == (
        f"The name of a study must be unique in its workspace; got 'few' in {other}, line 1, and "
        f"{result.folder} has the results of {known}. Change the name, or remove the folder."
    )
    assert (result.folder / "results.json").read_bytes() == before


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("search: tbe", ["Unknown search 'tbe' in", "line 5. Did you mean 'tpe'?"]),
        ("search: one_at_time", ["Did you mean 'one_at_a_time'?"]),
        ("search: {name: tpe, startup: 3}", ["TPESampler has no argument 'startup' (search in"]),
        ("pruner: medium", ["Unknown pruner 'medium' in", "Did you mean 'median'?"]),
        ("pruner: {name: median, n_startup_trials: x}", ["does not accept its arguments"]),
    ],
)
def test_unknown_samplers_and_pruners(workspace: Path, line: str, words: list[str]) -> None:
    file = study_file(workspace, GRID, line, "budget: {trials: 1}", name="unknown")
    with pytest.raises(ConfigError) as error:
        api.study(file, workspace=workspace)
    assert all(word in str(error.value) for word in words), str(error.value)
