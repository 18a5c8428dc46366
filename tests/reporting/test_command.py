"""``pipeline report``: published models, runs, configurations, and what to do if there is none."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.engine.workspace import Workspace
from tests.support.command_line import assert_error, in_process
from tests.support.paths import PROJECT, SMOKE

pytestmark = pytest.mark.tensorflow


def run_id(workspace: Path) -> str:
    return Workspace(workspace).records.all()[0].record.id


def test_report_of_a_published_model_is_its_file(smoke: Path) -> None:
    for name in ("smoke", "smoke/1"):
        done = in_process("report", name, "-C", smoke)
        assert done.code == 0, done.err
        assert done.out.strip() == str(smoke / "exported" / "smoke" / "1" / "report.html")


def test_report_of_a_run_is_that_of_its_stage(smoke: Path) -> None:
    [folder] = (smoke / "runs" / "report").iterdir()
    for name in (run_id(smoke), SMOKE):
        done = in_process("report", name, "-C", smoke)
        assert done.out.strip() == str(folder / "report.html"), done.err


def test_run_until_evaluate_has_a_report(workspace: Path) -> None:
    for stage in ("export", "verify", "report", "publish"):
        shutil.rmtree(workspace / "runs" / stage)
    done = in_process("report", run_id(workspace), "-C", workspace)
    assert done.code == 0, done.err
    path = Path(done.out.strip())
    assert path == workspace / "runs" / "reports" / f"{run_id(workspace)}.html"
    page = path.read_text()
    assert '<section id="confidence"' in page
    assert '<section id="files"' not in page
    assert "pipeline serve" not in page


def test_missing_output_is_named(workspace: Path) -> None:
    for stage in ("evaluate", "report"):
        shutil.rmtree(workspace / "runs" / stage)
    done = in_process("report", run_id(workspace), "-C", workspace)
    error = f"Cannot write a report for the run {run_id(workspace)}: the output of its stage"
    assert_error(done, 2, error, "of its stage evaluate is missing in")
    assert "Run it again, at least with --until evaluate." in " ".join(done.err.split())


@pytest.mark.parametrize(
    ("until", "advice"),
    [
        ("publish", "Try again once the stage evaluate is complete."),
        ("train", "It ends with the stage train: run it again with --until evaluate."),
    ],
)
def test_run_in_progress_is_not_one_with_missing_outputs(
    workspace: Path, until: str, advice: str
) -> None:
    for stage in ("train", "evaluate", "report"):
        shutil.rmtree(workspace / "runs" / stage)
    records = Workspace(workspace).records
    record = replace(records.all()[0].record, until=until, status="running")
    with records.write(record):
        done = in_process("report", record.id, "-C", workspace)
    assert_error(done, 2, f"The run {record.id} is in progress (stage train), and a report needs")
    text = " ".join(done.err.split())
    assert advice in text
    assert text.endswith(f"To watch it: pipeline watch {record.id} -C {workspace}")


def test_unknown_name_is_an_error(smoke: Path) -> None:
    done = in_process("report", "smoek", "-C", smoke)
    assert_error(done, 2, "There is no run, published model or configuration 'smoek'")


def test_configuration_that_was_not_run_is_an_error(smoke: Path) -> None:
    name = PROJECT / "configs" / "parity.yaml"
    done = in_process("report", name, "-C", smoke)
    assert_error(done, 2, "No run of the configuration")
    command = f"pipeline run {name} --until evaluate -C {smoke}"
    assert done.err.endswith(f"Run it: {command}\n")


def test_altered_report_is_not_shown(workspace: Path) -> None:
    path = workspace / "exported" / "smoke" / "1" / "report.html"
    path.write_text("other")
    done = in_process("report", "smoke", "-C", workspace)
    assert done.code != 0
    assert "The report of smoke version 1 cannot be shown: report.html" in " ".join(
        done.err.split()
    )


def test_open_opens_the_browser(smoke: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def opens(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr("webbrowser.open", opens)
    done = in_process("report", "smoke", "--open", "-C", smoke)
    assert opened == [Path(done.out.strip()).resolve().as_uri()]


def test_missing_browser_is_reported(smoke: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    done = in_process("report", "smoke", "--open", "-C", smoke)
    assert "No browser was found. Open" in done.err


def test_same_bits_give_the_same_report_but_for_times(workspace: Path) -> None:
    [folder] = (workspace / "runs" / "report").iterdir()
    before = (folder / "report.html").read_text()
    done = in_process("run", SMOKE, "--force", "train", "-C", workspace, "--until", "report")
    assert done.code == 0, done.err
    after = (folder / "report.html").read_text()
    times = r"<data [^>]* data-time>[^<]*</data>"
    assert len(re.findall(times, before)) > 5
    assert before != after
    assert re.sub(times, "", before) == re.sub(times, "", after)
