"""Studies as files: axes, conditional axes, ranges, and error messages."""

from pathlib import Path

import pytest

from pipeline.config.yaml_text import value_text
from pipeline.errors import ConfigError
from pipeline.studies.axes import covering, grid, num_points, single_values
from pipeline.studies.command_line import command_line
from pipeline.studies.points import num_listed
from pipeline.studies.points import points as listed
from pipeline.studies.reading import Study, read_study
from pipeline.studies.trial_checks import checked_trials
from tests.support.paths import PROJECT, SMOKE

VALID = {
    "name": "name: rates",
    "base": f"base: {SMOKE}",
    "axes": "axes: {optimizer.learning_rate: [0.1, 0.01], train.seed: [0, 1, 2]}",
}


def study_of(folder: Path, *lines: str, **parts: str) -> Study:
    """Return the study of a file with the valid lines, ``parts`` in place of some, and others."""
    file = folder / "study.yaml"
    file.write_text("\n".join([*{**VALID, **parts}.values(), *lines]) + "\n")
    return read_study(file)


def points(study: Study) -> list[dict[str, object]]:
    return list(grid(study.axes))


def test_grid_has_all_combinations_and_the_first_axis_changes_last(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    expected = [(rate, seed) for rate in (0.1, 0.01) for seed in (0, 1, 2)]
    found = [(p["optimizer.learning_rate"], p["train.seed"]) for p in points(study)]
    assert found == expected
    assert num_points(study.axes) == len(expected)


def test_covering_points_have_every_value_with_the_first_one_of_all_other_axes(
    tmp_path: Path,
) -> None:
    study = study_of(
        tmp_path,
        axes="""axes:
  optimizer:
    - {value: sgd, axes: {optimizer.momentum: [0, 0.9]}}
    - adam
  model.dropout: {low: 0.1, high: 0.5}
  train.seed: [0, 1]""",
        search="search: random",
        budget="budget: {trials: 1}",
    )
    first = {"optimizer": "sgd", "optimizer.momentum": 0, "model.dropout": 0.1, "train.seed": 0}
    assert list(covering(study.axes)) == [
        first,
        {**first, "optimizer.momentum": 0.9},
        {"optimizer": "adam", "model.dropout": 0.1, "train.seed": 0},
        {**first, "model.dropout": 0.5},
        {**first, "train.seed": 1},
    ]


def test_one_at_a_time_tries_each_value_alone_with_every_seed(tmp_path: Path) -> None:
    study = study_of(
        tmp_path,
        "search: one_at_a_time",
        axes="""axes:
  train.seed: [3, 4]
  optimizer:
    - {value: sgd, axes: {optimizer.momentum: [0, 0.9]}}
    - adam
  model.dropout: [0.1, 0.5]""",
    )
    first = {"optimizer": "sgd", "optimizer.momentum": 0, "model.dropout": 0.1}
    alone = [
        first,
        {**first, "optimizer.momentum": 0.9},
        {"optimizer": "adam", "model.dropout": 0.1},
        {**first, "model.dropout": 0.5},
    ]
    expected = [{**values, "train.seed": seed} for values in alone for seed in (3, 4)]
    assert list(listed("one_at_a_time", study.axes)) == expected == checked_trials(study)
    assert num_listed("one_at_a_time", study.axes) == len(expected)


@pytest.mark.parametrize(
    "axes",
    [
        "axes: {optimizer: [{value: sgd, axes: {train.seed: [0, 1]}}, adam]}",
        "axes: {train.seed: [0, {value: 1, axes: {model.dropout: [0, 0.1]}}]}",
    ],
)
def test_one_at_a_time_has_the_same_seeds_for_all_values(tmp_path: Path, axes: str) -> None:
    with pytest.raises(ConfigError) as error:
        study_of(tmp_path, "search: one_at_a_time", axes=axes)
    assert str(error.value) == (
        "With search: one_at_a_time, all combinations have the same seeds, so train.seed must be "
        f"an axis of its own, a list of numbers; got another one in {tmp_path / 'study.yaml'}, "
        "line 3."
    )


def test_one_at_a_time_requires_lists(tmp_path: Path) -> None:
    axes = "axes: {optimizer: [{value: sgd, axes: {optimizer.momentum: {low: 0, high: 0.9}}}]}"
    with pytest.raises(ConfigError) as error:
        study_of(tmp_path, "search: one_at_a_time", axes=axes)
    assert str(error.value) == (
        "The search one_at_a_time requires a list of values for optimizer.momentum; got a range in "
        f"{tmp_path / 'study.yaml'}, line 3. Write a list, or set search, for example to random."
    )


def test_axes_of_a_value_apply_to_it_only(tmp_path: Path) -> None:
    study = study_of(
        tmp_path,
        axes="""axes:
  optimizer:
    - {value: {name: sgd, momentum: 0.9}, axes: {optimizer.learning_rate: [0.1, 0.3]}}
    - value: adam
      axes: {optimizer.learning_rate: [0.001], train.batch_size: [32, full]}
    - adagrad
  train.seed: [0, 1]""",
    )
    assert num_points(study.axes) == len(points(study)) == 10
    assert points(study)[0] == {
        "optimizer": {"name": "sgd", "momentum": 0.9},
        "optimizer.learning_rate": 0.1,
        "train.seed": 0,
    }
    assert points(study)[-1] == {"optimizer": "adagrad", "train.seed": 1}
    config = study.config_of(points(study)[7])
    assert (config.optimizer.name, config.optimizer.learning_rate) == ("adam", 0.001)
    assert (config.train.batch_size, config.train.seed) == ("full", 1)


def test_trials_do_not_change_the_values_of_an_axis(tmp_path: Path) -> None:
    axes = "axes: {optimizer: [{name: sgd}], optimizer.learning_rate: [0.1, 0.3]}"
    study = study_of(tmp_path, axes=axes)
    rates = [study.config_of(point).optimizer.learning_rate for point in points(study)]
    assert rates == [0.1, 0.3]
    assert points(study)[0]["optimizer"] == {"name": "sgd"}


def test_section_does_not_replace_its_keys_in_any_order_of_the_axes(tmp_path: Path) -> None:
    axes = "axes: {optimizer.learning_rate: [0.1, 0.3], optimizer: [adam, {name: sgd}]}"
    study = study_of(tmp_path, "overrides: {optimizer.weight_decay: 0.01}", axes=axes)
    found = [study.config_of(point).optimizer for point in points(study)]
    assert [(one.name, one.learning_rate) for one in found] == [
        ("adam", 0.1),
        ("sgd", 0.1),
        ("adam", 0.3),
        ("sgd", 0.3),
    ]
    assert all(one.arguments == {"weight_decay": 0.01} for one in found)


def test_choices_of_one_axis_may_have_the_same_axes(tmp_path: Path) -> None:
    rates = "axes: {optimizer.learning_rate: [0.1]}"
    study = study_of(
        tmp_path,
        axes=f"axes: {{optimizer: [{{value: sgd, {rates}}}, {{value: adam, {rates}}}]}}",
    )
    assert num_points(study.axes) == 2


def test_missing_keys_have_examples_that_fit(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text("name: rates")
    with pytest.raises(ConfigError) as error:
        read_study(file)
    assert "Add it, for example base: ../mlp.yaml." in str(error.value)
    assert "Add it, for example axes: {train.batch_size: [32, 256]}." in str(error.value)


def test_overrides_and_threads_are_the_same_in_all_trials(tmp_path: Path) -> None:
    study = study_of(tmp_path, "overrides: {train.epochs: 7}", "threads: 1")
    for point in points(study):
        config = study.config_of(point)
        assert (config.train.epochs, config.train.threads) == (7, 1)


def test_base_is_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("{name: mine, model: {hidden: [8]}}")
    assert study_of(tmp_path, base="base: base.yaml").config_of({}).name == "mine"


def test_single_values_cover_every_value(tmp_path: Path) -> None:
    study = study_of(
        tmp_path,
        "search: {name: random}",
        "budget: {trials: 3}",
        axes="axes: {optimizer: [{value: sgd, axes: {optimizer.momentum: [0, 0.9]}}, adam], "
        "optimizer.learning_rate: {low: 0.001, high: 1, log: true}}",
    )
    assert list(single_values(study.axes)) == [
        {"optimizer": "sgd"},
        {"optimizer": "sgd", "optimizer.momentum": 0},
        {"optimizer": "sgd", "optimizer.momentum": 0.9},
        {"optimizer": "adam"},
        {"optimizer.learning_rate": 0.001},
        {"optimizer.learning_rate": 1},
    ]


def test_every_shipped_study_is_valid() -> None:
    files = sorted((PROJECT / "configs" / "studies").glob("*.yaml"))
    assert all(read_study(file).name == file.stem for file in files)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("axis: {}", ["Unknown key 'axis'", "line 4", "Did you mean axes?"]),
        ("threads: 0", ["threads must be at least 1; got 0 in", "line 4"]),
        ("executor: dask", ["executor must be 'local' or 'ray'; got 'dask'"]),
        ("search: random", ["search: random requires a budget", "budget: {trials: 50}"]),
        ("search: {name: grid, trials: 3}", ["search: grid has no argument 'trials'"]),
        (
            "search: one-at-a-time",
            [
                "Unknown search 'one-at-a-time' in",
                "line 4. Did you mean 'one_at_a_time'? Choose from grid, one_at_a_time, random, or "
                "a sampler of Optuna.",
            ],
        ),
        (
            "search: one_at_a_time\ntuned: [train.seed]",
            ["search: one_at_a_time does not tune keys; got tuned in", "line 5. Remove"],
        ),
        (
            "search: {name: one_at_a_time, trials: 3}",
            ["search: one_at_a_time has no argument 'trials' in", "line 4"],
        ),
        ("budget: {seconds: 60}", ["Unknown key 'budget.seconds'", "trials, epochs, images"]),
        ("overrides: {train.epoch: 3}", ["Unknown key 'train.epoch'", "line 4"]),
        ("overrides: {train.threads: 3}", ["train.threads must be the same in all trials"]),
        (
            "overrides: {train.seed: 3}",
            ["train.seed must be in overrides or in axes, not in both", "line 4 and", "line 3."],
        ),
        (
            "tuned: [optimizer.learning_rat]",
            ["tuned must name axes", "line 4", "Did you mean 'optimizer.learning_rate'?"],
        ),
        ("target: 97", ["validation accuracy greater than 0, and at most 1", "Write 0.97."]),
        ("target: -1", ["target must be a validation accuracy", "got -1", "line 4."]),
    ],
)
def test_errors_in_a_study(tmp_path: Path, line: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        study_of(tmp_path, line)
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize("pruner", ["SuccessiveHalvingPruner", "HyperbandPruner"])
@pytest.mark.parametrize("executor", ["local", "ray"])
def test_pruner_that_compares_running_trials_is_refused_with_several_at_a_time(
    tmp_path: Path, pruner: str, executor: str
) -> None:
    lines = f"pruner: {{name: {pruner}}}", f"executor: {executor}"
    assert study_of(tmp_path, *lines).settings.search.parallel == 1
    assert study_of(tmp_path, "pruner: {name: median}", "search: {parallel: 2, name: grid}")
    with pytest.raises(ConfigError) as error:
        study_of(tmp_path, *lines, "search: {name: grid, parallel: 2}")
    assert str(error.value) == (
        f"{pruner} compares trials while they run, so with several at a time its decisions would "
        f"depend on their speed; got search.parallel 2 in {tmp_path / 'study.yaml'}, line 6. Set "
        "it to 1, or choose a pruner that compares with completed trials, for example "
        "pruner: {name: median}."
    )


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ("{train.batchsize: [1]}", ["Unknown key 'train.batchsize'", "study.yaml, line 3"]),
        ("{train.batch_size: [1, 0]}", ["at least 1 or 'full'; got 0", "study.yaml, line 3"]),
        ("{train.seed: 3}", ["axes.train.seed must be a list", "got 3", "Write [3]."]),
        ("{train.seed: []}", ["a list with at least one value", "got []"]),
        ("{train.seed: [1, 1]}", ["axes.train.seed has 1 twice"]),
        ("{train.seed: {low: 0, high: 9}}", ["A grid requires a list", "search"]),
        ("{train.seed: {low: 0, hi: 9}}", ["must have two numbers, low and high"]),
        ("{train.seed: {low: 9, high: 0}}", ["low below high; got"]),
        ("{model.l2: {low: 0, high: 1, log: true}}", ["low above 0 for log: true"]),
        ("{model.l2: {low: 1, high: 2, log: true, step: 1}}", ["cannot be combined with log"]),
        ("{optimizer: [{value: sgd, axes: 3}]}", ["must be a mapping of keys to lists; got 3"]),
        ("{optimizer: [{value: sgd, axis: {}}]}", ["must have the keys value and axes", "'axis'"]),
        ("{}", ["axes must have at least one key; got {}", "line 3"]),
        ("null", ["axes must be a section (KEY: VALUE lines); got null", "line 3"]),
        (
            "{train.epochs: {low: 1, high: 9, step: 0.5}}",
            ["The step of axes.train.epochs must be a whole number", "low: 1.0, high: 9.0."],
        ),
        (
            "{optimizer: [{value: sgd, axes: {train.epochs: [1]}}], train.epochs: [2]}",
            ["The same trials have two axes for train.epochs", "Remove one"],
        ),
        (
            "{optimizer: [{value: sgd, axes: {optimizer: [adam]}}]}",
            ["The same trials have two axes for optimizer", "line 3"],
        ),
    ],
)
def test_errors_in_axes(tmp_path: Path, axes: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        study_of(tmp_path, axes=f"axes: {axes}")
    assert all(word in str(error.value) for word in words), str(error.value)


def test_missing_base_and_missing_study(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"base must be a configuration.*got 'none.yaml' in"):
        study_of(tmp_path, base="base: none.yaml")
    with pytest.raises(ConfigError, match=r"No such study file: 'optimizer'\. Did you mean"):
        read_study(Path("optimizer"))
    with pytest.raises(ConfigError, match=r"smoke.yaml is a configuration, not a study: it has no"):
        read_study(SMOKE)
    with pytest.raises(ConfigError, match=r"studies is a folder, not a study\. Specify a file"):
        read_study(PROJECT / "configs" / "studies")


def test_missing_study_where_there_are_none_has_an_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as error:
        read_study(Path("one.yaml"))
    assert str(error.value) == (
        "No such study file: 'one.yaml'. Specify a YAML file; `{name: seeds, base: CONFIG.yaml, "
        "axes: {train.seed: [0, 1, 2]}}` is a complete file."
    )
    (tmp_path / "CONFIG.yaml").write_text("{name: mlp, model: {hidden: [128]}}")
    file = tmp_path / "one.yaml"
    file.write_text("{name: seeds, base: CONFIG.yaml, axes: {train.seed: [0, 1, 2]}}")
    assert read_study(file).name == "seeds"


def test_command_line_gives_the_configuration_of_the_trial(tmp_path: Path) -> None:
    study = study_of(tmp_path, "overrides: {train.epochs: 7}")
    line = command_line(study, {"optimizer": {"name": "sgd", "momentum": 0.9}})
    assert line == (
        f"pipeline run {SMOKE} 'optimizer={{name: sgd, momentum: 0.9}}' train.epochs=7 "
        "train.threads=2"
    )
    assert [value_text(v) for v in ("full", "1", "a: b", None, [1, "x"])] == [
        "full",
        '"1"',
        '"a: b"',
        "null",
        "[1, x]",
    ]
