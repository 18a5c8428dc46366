"""Finished cases are kept, unless the code has changed; the report says what they say."""

import json
from pathlib import Path
from typing import Any

import pytest

from campaign import report
from campaign.__main__ import main, run
from campaign.part import Part
from campaign.parts import PARTS
from campaign.results import Case, Results, Tally, commit

pytestmark = pytest.mark.process  # git


def finished(name: str, tried: int, failed: int = 0) -> Case:
    return Case(name, tried, failed, ["it broke"] * failed, {"answered": tried})


@pytest.fixture
def results(tmp_path: Path) -> Results:
    found = Results("part", folder=tmp_path)
    found.add(finished("a", 3), 1.0)
    found.add(finished("b", 2, failed=1), 2.0)
    return found


def test_finished_cases_are_not_repeated(results: Results, tmp_path: Path) -> None:
    again = Results("part", folder=tmp_path)
    assert again.cases == results.cases
    ran: list[str] = []

    def run_case(name: str) -> Case:
        ran.append(name)
        return finished(name, 5)

    again.run(["a", "b", "c"], run_case)
    assert ran == ["c"]
    assert (again.tried, again.failed) == (10, 1)


def test_incomplete_line_is_ignored(results: Results, tmp_path: Path) -> None:
    path = results.folder.with_suffix(".jsonl")
    path.write_text(path.read_text()[:-10])  # killed while it wrote
    assert [case.name for case in Results("part", folder=tmp_path).cases] == ["a"]


def test_changed_code_starts_again(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert results.commit == commit()
    monkeypatch.setattr("campaign.results.commit", lambda: "other")
    assert Results("part", folder=tmp_path).cases == []


def test_one_case_is_repeated_and_not_saved(results: Results, tmp_path: Path) -> None:
    one = Results("part", folder=tmp_path, only="a")
    one.run(["a", "b", "c"], lambda name: finished(name, 7))
    assert [case.tried for case in one.cases] == [7]
    assert Results("part", folder=tmp_path).cases == results.cases


def test_only_the_first_failures_are_described() -> None:
    tally = Tally()
    for number in range(100):
        tally.fail(str(number))
    case = tally.case("a", 100)
    assert (case.failed, case.examples) == (100, ["0", "1", "2", "3", "4"])


@pytest.fixture
def reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The report in a temporary folder; returns its page."""
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(report, "PAGE", tmp_path / "reliability.md")
    monkeypatch.setattr("campaign.results.FOLDER", tmp_path)
    return tmp_path / "reliability.md"


def part_that(case: Case) -> Part:
    def run_part(results: Results, total: int, folder: Path) -> None:
        del total, folder
        results.run([case.name], lambda _: case)

    return Part("requests", "things", "a fault", 10, 1, run_part)


def test_report_has_numbers_date_machine_and_failures(
    reported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaign.__main__.Results", in_folder(reported.parent))
    assert run(part_that(finished("a", 1234, failed=1))) == 1
    text = reported.read_text()
    saved = json.loads((reported.parent / "results" / "requests.json").read_text())
    assert f"| [requests](#requests) | 1,234 | 1 | 0 | {saved['date']} | {commit()} |" in text
    assert saved["machine"]["processor"] in text
    assert "What failed:\n\n- `it broke`" in text
    assert "| [kills](#kills) | not yet run |" in text


def in_folder(folder: Path) -> Any:
    return lambda part, only: Results(part, folder=folder, only=only)


@pytest.mark.parametrize("options", [{"total": 3}, {"case": "a"}])
def test_reduced_part_is_not_reported(
    reported: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    monkeypatch.setattr("campaign.__main__.Results", in_folder(reported.parent))
    assert run(part_that(finished("a", 3)), **options) == 0
    assert not reported.exists()


def test_committed_page_is_what_the_results_say() -> None:
    page = report.PAGE.read_text()
    assert page == report.page({name: report.load(name) for name in PARTS})


def test_unknown_part(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["campaign", "kill"])
    with pytest.raises(SystemExit):
        main()
    assert "unknown part 'kill'; choose from requests, slow," in capsys.readouterr().err
