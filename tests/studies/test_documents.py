"""The documents of a study: CSV, Parquet, Markdown, and the page's data; all kinds of studies."""

import csv
import io
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.pages.assembling import assembled_page
from pipeline.progress import Silent, TrainingCost
from pipeline.studies.axes import num_points
from pipeline.studies.documents.markdown import code_block, escaped
from pipeline.studies.documents.page_data import page_data
from pipeline.studies.documents.results_csv import results_csv
from pipeline.studies.documents.results_markdown import results_markdown
from pipeline.studies.documents.results_page import results_page
from pipeline.studies.documents.results_parquet import results_parquet
from pipeline.studies.documents.texts import Labels
from pipeline.studies.documents.writing import write_documents
from pipeline.studies.importance import eta_squared, importances
from pipeline.studies.reading import read_study
from pipeline.studies.results import StudyResult
from pipeline.studies.schema import Budget, Search, StudySchema
from pipeline.studies.target import to_target
from pipeline.studies.trial import Status, Trial
from tests.support.paths import PROJECT
from tests.support.study_results import (
    ACCURACY,
    DATA,
    HOSTILE,
    RATE,
    SEED,
    SIZE,
    grid_of_trials,
    plausible_trial,
    study_cases,
    study_result,
)

GUIDE = (PROJECT / "docs" / "running-studies.md").read_text()


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, StudyResult]:
    return study_cases(tmp_path_factory.mktemp("studies"))


class Notices(Silent):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def notice(self, text: str) -> None:
        self.texts.append(text)


def trial(score: float | None = 0.5, accuracies: tuple[float, ...] = (), **values: Any) -> Trial:
    """Return a trial whose epochs have these validation accuracies."""
    metrics = {} if score is None else {"loss": 1.0, "accuracy": score}
    costs = tuple(TrainingCost(0.5 * n, 10 * n, 640 * n) for n in range(1, len(accuracies) + 1))
    history = tuple({"val_accuracy": value} for value in accuracies)
    named = {{"rate": RATE, "seed": SEED, "size": SIZE}[name]: v for name, v in values.items()}
    status: Status = "diverged" if score is None else "complete"
    return Trial(named, status, metrics, str(values), history, costs)


def table_after(markdown: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading."""
    lines = markdown.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0].splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]
    return [rows[0], *rows[2:]]


def test_every_kind_of_study_is_written(
    cases: dict[str, StudyResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for result in cases.values():
        notices = Notices()
        write_documents(result, notices)
        names = {"results.json", "results.md", "results.csv", "results.html"}
        assert {file.name for file in result.folder.iterdir()} == names
        assert notices.texts == [
            "results.parquet requires packages that are not installed. To install them: "
            "pip install 'dense-pipeline[studies]' (in a clone: make studies)"
        ]
        json.loads((result.folder / "results.json").read_text())


def test_parquet_of_an_earlier_run_is_removed(
    cases: dict[str, StudyResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    folder = cases["single"].folder
    folder.mkdir(exist_ok=True)
    (folder / "results.parquet").touch()
    write_documents(cases["single"], Silent())
    assert not (folder / "results.parquet").exists()


def test_two_writes_are_identical(tmp_path: Path) -> None:
    written = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        result = study_result(tmp_path / name, grid_of_trials(("adam",), (16, 64)), target=0.9)
        written.append([results_markdown(result), results_csv(result), results_page(result)])
    assert written[0] == written[1]


def test_csv_has_one_row_per_trial(cases: dict[str, StudyResult]) -> None:
    result = cases["conditional"]
    rows = list(csv.DictReader(io.StringIO(results_csv(result))))
    assert len(rows) == len(result.trials) == 6
    assert rows[0] == {
        "optimizer": "sgd",
        "train.batch_size": "16",
        "optimizer.learning_rate": "0.01",
        "train.seed": "0",
        "model.hidden": "[32, 16]",
        "model.dropout": "",
        "status": "complete",
        "validation_loss": str(result.trials[0].metrics["loss"]),
        "validation_accuracy": str(result.trials[0].metrics["accuracy"]),
        "epochs": "3",
        "gradients": "10314",
        "images": "165000",
        "seconds": "3.244",
        "reason": "",
    }
    assert rows[2]["optimizer"] == "{name: sgd, momentum: 0.9}"
    assert rows[2]["model.hidden"] == ""
    assert rows[4]["model.dropout"] == "0.1"


def test_csv_keeps_hostile_texts(cases: dict[str, StudyResult]) -> None:
    rows = list(csv.DictReader(io.StringIO(results_csv(cases["hostile"]))))
    assert [rows[1]["status"], rows[1]["reason"]] == ["stalled", HOSTILE[2]]
    assert [row[DATA].strip("'\"") for row in rows] == list(HOSTILE[:2])


def test_parquet_has_one_row_per_epoch(cases: dict[str, StudyResult]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pip install pyarrow")
    table = parquet.read_table(io.BytesIO(results_parquet(cases["conditional"])))
    types = {
        name: str(kind) for name, kind in zip(table.schema.names, table.schema.types, strict=True)
    }
    assert types == {
        "trial": "int32",
        "optimizer": "string",
        "train.batch_size": "int64",
        "optimizer.learning_rate": "double",
        "train.seed": "int64",
        "model.hidden": "string",
        "model.dropout": "double",
        "status": "string",
        "epoch": "int32",
        "loss": "double",
        "accuracy": "double",
        "val_loss": "double",
        "val_accuracy": "double",
        "gradients": "int64",
        "images": "int64",
        "seconds": "double",
    }
    rows = table.to_pylist()
    assert [(row["trial"], row["epoch"]) for row in rows[:4]] == [(1, 1), (1, 2), (1, 3), (2, 1)]
    assert rows[1]["images"] == 110_000
    assert (rows[0]["model.dropout"], rows[-1]["model.dropout"]) == (None, 0.1)


def test_parquet_has_trials_without_epochs_and_mixed_axes(cases: dict[str, StudyResult]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pip install pyarrow")
    [row] = parquet.read_table(io.BytesIO(results_parquet(cases["empty"]))).to_pylist()
    assert (row["trial"], row["status"], row["epoch"], row["seconds"]) == (
        1,
        "diverged",
        None,
        None,
    )
    rows = parquet.read_table(io.BytesIO(results_parquet(cases["grid"]))).to_pylist()
    assert {row["train.batch_size"] for row in rows} == {"16", "64", "full"}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, False], "bool"),
        ([1, 2], "int64"),
        ([1, 2.5], "double"),
        ([1, True], "string"),
        ([1, 2**70], "string"),
        ([[8], [8, 8]], "string"),
    ],
)
def test_type_of_an_axis_in_parquet(tmp_path: Path, values: list[Any], kind: str) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pip install pyarrow")
    result = study_result(tmp_path, [trial(None, size=value) for value in values])
    table = parquet.read_table(io.BytesIO(results_parquet(result)))
    assert str(table.schema.field(SIZE).type) == kind


def test_markdown_has_the_winner_with_one_test_figure(cases: dict[str, StudyResult]) -> None:
    result = cases["grid"]
    text = results_markdown(result)
    assert result.winner is not None
    assert f"- validation accuracy: **{result.winner.mean:.4f} ± " in text
    assert "(mean ± standard deviation over 2 seeds)" in text
    mean = sum(result.test_scores) / 2
    assert f"- test accuracy: **{mean:.4f}** (mean over 2 seeds; the test set was not used" in text
    assert text.count("test accuracy") == 1
    assert "\npipeline run " in text
    assert "optimizer={name: sgd, momentum: 0.9}" in text


def test_markdown_ranks_the_combinations(cases: dict[str, StudyResult]) -> None:
    title, *rows = table_after(results_markdown(cases["grid"]), "Combinations")
    assert title[:6] == ["optimizer", SIZE, RATE, "validation accuracy", "seeds", "status"]
    assert rows[0][0] == "**sgd (momentum 0.9)**"
    scores = [float(row[3].strip("*").split(" ")[0]) for row in rows if row[5] != "diverged"]
    assert scores == sorted(scores, reverse=True)
    assert [row[3] for row in rows if row[5] == "diverged"] == ["-"]
    assert len(rows) == 9


def test_markdown_lists_trials_without_a_model_by_reason(tmp_path: Path) -> None:
    trials = [trial(None, rate=1, seed=0), trial(None, rate=1, seed=1), trial(rate=2, seed=0)]
    lines = results_markdown(study_result(tmp_path, trials)).splitlines()
    assert "- Trials 1, 2 (optimizer.learning_rate=1), diverged: " in [f"{x} " for x in lines]


def test_long_reason_is_shortened_except_in_the_csv(tmp_path: Path) -> None:
    crashed = Trial({RATE: 1}, "failed", {}, "f", reason="Traceback\n" + "x" * 1000)
    result = study_result(tmp_path, [crashed])
    shown = "Traceback " + "x" * 290 + "..."
    assert f", failed: {shown}\n" in results_markdown(result)
    assert f">{shown}</td>" in results_page(result)
    assert "x" * 1000 in results_csv(result)


def test_markdown_shows_hostile_texts_as_text(cases: dict[str, StudyResult]) -> None:
    text = results_markdown(cases["hostile"])
    outside_code = "".join(text.split("```")[::2])
    assert "<" not in outside_code.replace("\\<", "")
    assert "**bold**" not in outside_code
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.replace("\\|", "").count("|") in {4, 12} for line in rows), rows


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("train.batch_size", "train.batch_size"),
        ("a|b\nc", "a\\|b c"),
        ("_x_ *y* `z` [l](u) <b> \\", "\\_x\\_ \\*y\\* \\`z\\` \\[l\\](u) \\<b\\> \\\\"),
    ],
)
def test_markdown_is_escaped(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_fence_of_code_is_longer_than_those_in_it() -> None:
    assert code_block("a ```` b") == ["`````", "a ```` b", "`````", ""]


def test_tuned_values_at_the_ends_of_the_axis_are_reported(tmp_path: Path) -> None:
    scores = {16: (0.9, 0.5, 0.4), 64: (0.5, 0.9, 0.4), 256: (0.4, 0.5, 0.9)}
    trials = [
        trial(score, size=size, rate=rate)
        for size, row in scores.items()
        for rate, score in zip((0.01, 0.1, 1), row, strict=True)
    ]
    expected = (
        "The best optimizer.learning_rate is the smallest or largest that was tried for batch size "
        "16; batch size 256: a better one may be outside of the values tried."
    )
    result = study_result(tmp_path, trials)
    assert expected in results_markdown(result)
    assert expected in results_page(result)
    assert "smallest or largest" not in results_markdown(study_result(tmp_path, trials[3:6]))
    assert "smallest or largest" not in results_markdown(study_result(tmp_path, trials[:2]))


def test_long_list_of_combinations_is_shortened(tmp_path: Path) -> None:
    trials = [trial(rate, size=size, rate=rate) for size in range(1, 7) for rate in (0.1, 0.2, 0.3)]
    text = results_markdown(study_result(tmp_path, trials))
    assert "batch size 4; and 2 more combinations: a better one" in text


def test_work_to_the_target_is_the_mean_of_the_seeds_that_reach_it(tmp_path: Path) -> None:
    curves = [(0.5, 0.9, 0.8), (0.9, 0.5, 0.5), (0.1, 0.2, 0.3)]
    trials = [trial(0.5, curve, rate=1, seed=seed) for seed, curve in enumerate(curves)]
    result = study_result(tmp_path, trials, target=0.9)
    found = to_target(result.groups[0], 0.9)
    assert (found.num_reached, found.epochs) == (2, 1.5)
    assert (found.gradients, found.images, found.seconds) == (15, 960, 0.75)
    text = results_markdown(result)
    assert "## Cost to reach accuracy 0.9\n" in text
    assert "| learning rate 1 | 2 of 3 | 1.5 | 15 | 960 | 0.75 |" in text.replace(
        "smoke", "learning rate 1"
    )


def test_combinations_that_never_reach_the_target_are_counted(tmp_path: Path) -> None:
    trials = [trial(0.5, (0.5,), size=1), trial(0.9, (0.9,), size=2)]
    text = results_markdown(study_result(tmp_path, trials, target=0.8))
    assert "1 of 2 combinations never reach it." in text


def test_target_for_a_score_that_epochs_do_not_measure(cases: dict[str, StudyResult]) -> None:
    text = results_markdown(cases["regression"])
    assert "The RMSE is not measured after each epoch, so these costs are unknown." in text


def test_importance_is_eta_squared() -> None:
    # By hand: the means are 2 and 5, the grand mean 3.5; 9 of the 10 are between the levels.
    assert eta_squared(["a", "a", "b", "b"], [1.5, 2.5, 4.5, 5.5]) == pytest.approx(9 / 10)
    assert eta_squared(["a", "b"], [1, 2]) is None  # each value was tried only once
    assert eta_squared(["a", "a"], [1, 1]) is None  # there is no variance


def test_importance_of_axes_is_sorted_and_has_absent_values(tmp_path: Path) -> None:
    trials = [
        trial(0.9, rate=1, seed=0),
        trial(0.8, rate=1, seed=1),
        trial(0.4, seed=0),
        trial(0.3, seed=1),
        trial(None, rate=2, seed=1),
    ]
    found = importances(study_result(tmp_path, trials))
    assert [(one.key, one.num_levels) for one in found] == [(RATE, 2), (SEED, 2)]
    assert [one.share for one in found] == pytest.approx([0.25 / 0.26, 0.01 / 0.26])


def test_pruned_trials_do_not_count_for_the_importance(tmp_path: Path) -> None:
    complete = [trial(0.9, rate=1, seed=0), trial(0.8, rate=2, seed=0), trial(0.9, rate=2, seed=1)]
    pruned = replace(trial(0.1, rate=1, seed=1), status="pruned")
    found = importances(study_result(tmp_path, [*complete, pruned]))
    assert found == importances(study_result(tmp_path, complete))
    assert {one.key: one.share for one in found}[RATE] == pytest.approx(0.25)


def test_many_numbers_are_put_into_groups_for_the_importance(tmp_path: Path) -> None:
    trials = [trial(0.1 * (n // 5), rate=0.1 + n) for n in range(20)]
    [found] = importances(study_result(tmp_path, trials))
    assert (found.num_levels, found.is_grouped) == (4, True)
    assert found.share == pytest.approx(1)


def test_labels_name_what_differs(cases: dict[str, StudyResult]) -> None:
    labels = labels_of(cases["conditional"])
    assert "sgd (momentum 0.9), batch size 16" in labels
    assert "adam, batch size 64, hidden [], dropout 0.1" in labels
    assert labels_of(cases["single"]) == ["smoke"]


@pytest.fixture
def one_at_a_time(tmp_path: Path) -> StudyResult:
    """The first trial is not the best one."""
    tried = [("sgd", 16), ("adam", 16), ("sgd", 64)]
    trials = [plausible_trial(name, size, 0.01, 0, 3) for name, size in tried]
    return study_result(tmp_path, trials, search="one_at_a_time")


def test_labels_of_keys_varied_one_at_a_time_name_the_one_that_differs(
    one_at_a_time: StudyResult,
) -> None:
    labels = labels_of(one_at_a_time)
    assert sorted(labels) == ["batch size 64", "first values", "optimizer adam"]
    assert labels[0] != "first values"


def test_labels_tell_keys_with_the_same_ending_apart(tmp_path: Path) -> None:
    values: list[dict[str, Any]] = [{"a.flag": x, "b.flag": y} for x, y in ((0, 0), (1, 0), (0, 1))]
    trials = [replace(trial(0.5), values=one) for one in values]
    labels = labels_of(study_result(tmp_path, trials, search="one_at_a_time"))
    assert sorted(labels) == ["a.flag 1", "b.flag 1", "first values"]


def test_keys_varied_one_at_a_time_have_differences_to_the_first_values(
    one_at_a_time: StudyResult,
) -> None:
    first, adam, large = one_at_a_time.groups
    assert first.mean
    assert adam.mean
    assert large.mean
    _, *rows = table_after(results_markdown(one_at_a_time), "Differences")
    assert {row[0]: row[2] for row in rows} == {
        "optimizer adam": f"{adam.mean - first.mean:+.4f}",
        "batch size 64": f"{large.mean - first.mean:+.4f}",
    }
    page = results_page(one_at_a_time)
    for text in (results_markdown(one_at_a_time), page):
        assert "is named after what differs from the first values of all axes" in text
        assert "Importance of the axes" not in text
    assert page_data(one_at_a_time)["axes"] == []  # no heat map
    assert one_at_a_time.tuned_keys == []


def labels_of(result: StudyResult) -> list[str]:
    return list(map(Labels(result).of, result.ranked_groups))


def test_drawn_numbers_are_rounded_in_tables_but_not_in_commands(tmp_path: Path) -> None:
    rate = 0.0005334792941499479
    result = study_result(tmp_path, [trial(0.5, rate=rate), trial(0.4, rate=0.01)])
    text = results_markdown(result)
    assert table_after(text, "Combinations")[1][0] == "**0.0005335**"
    assert f"optimizer.learning_rate={rate}" in text
    assert f"{rate},complete" in results_csv(result)


def test_data_of_the_page_is_rounded_and_strict(tmp_path: Path) -> None:
    diverging = trial(0.5, (0.123456789, float("nan"), float("inf")), rate=1)
    data = page_data(study_result(tmp_path, [diverging]))
    [run] = data["groups"][0]["runs"]
    assert run["logs"] == [[0.12346, None, None]]
    json.dumps(data, allow_nan=False)


def test_page_of_150_trials_is_below_a_megabyte(tmp_path: Path) -> None:
    trials = grid_of_trials(epochs=10)[:150]
    assert len(results_page(study_result(tmp_path, trials)).encode()) < 400_000


def test_hostile_texts_are_no_markup_in_the_page(cases: dict[str, StudyResult]) -> None:
    page = results_page(cases["hostile"])
    assert page.count("<script") == page.count("</script>") == 2
    assert "<img" not in page
    assert page.count('<script type="application/json" id="data">{"score":') == 1


def test_parts_of_a_page_are_inserted_as_they_are() -> None:
    names = "title summary axes winner explained combinations costs target importance count trials "
    names += "curves heat"
    parts = dict.fromkeys(names.split(), "<!--part data-->")
    page = assembled_page("study", {**parts, "data": "{}"})
    assert page.count("<!--part data-->") == len(parts) + 1  # the title is in two places


def test_sections_without_content_are_hidden_before_any_script_runs(
    cases: dict[str, StudyResult],
) -> None:
    hidden = {
        name: re.findall(r'<section id="(curves|heat)"[^>]* hidden>', results_page(result))
        for name, result in cases.items()
    }
    assert hidden["empty"] == ["curves", "heat"]
    assert any(not found for found in hidden.values())


def test_policy_of_the_page_permits_its_own_script_only(cases: dict[str, StudyResult]) -> None:
    page = results_page(cases["single"])
    assert "default-src 'none'; script-src 'sha256-" in page
    assert "src=" not in page
    assert re.findall("href=([^ >]*)", page) == ['"#complete"']  # a place on the page


def test_group_without_scores_is_ranked_last(tmp_path: Path) -> None:
    trials = [trial(None, size=1), trial(0.5, size=2), trial(0.7, size=3)]
    result = study_result(tmp_path, trials, ACCURACY)
    assert [group.values[SIZE] for group in result.ranked_groups] == [3, 2, 1]
    assert result.ranked_groups[0] is result.winner


def test_guide_lists_every_key_of_a_study() -> None:
    keys = set(StudySchema.model_fields) - {"search", "budget"}
    keys |= {f"search.{key}" for key in Search.model_fields}
    keys |= {f"budget.{key}" for key in Budget.model_fields}
    assert keys == set(re.findall(r"^\| `([\w.]+)` \| (?:`|\|)", GUIDE, re.MULTILINE))


def test_study_of_the_guide_is_valid(tmp_path: Path) -> None:
    [text] = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    file = tmp_path / "study.yaml"
    file.write_text(text.replace("../mlp.yaml", str(PROJECT / "configs" / "mlp.yaml")))
    assert num_points(read_study(file).axes) == 4 * 3 * 3 * 3


def test_guide_lists_the_documents(cases: dict[str, StudyResult]) -> None:
    write_documents(cases["single"], Silent())
    written = {file.name for file in cases["single"].folder.iterdir()}
    assert written <= set(re.findall(r"^\| `(results\.\w+)` \|", GUIDE, re.MULTILINE))
