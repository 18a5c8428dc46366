"""The page of a report shows numbers of the stages' facts only, and nothing from elsewhere."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pipeline.artifacts.report import REPORT_FILE
from pipeline.config import read
from pipeline.publishing.published_folder import find_published
from pipeline.reporting.numbers import formatted
from pipeline.reporting.page import report_page
from tests.support.command_line import in_process
from tests.support.paths import SMOKE
from tests.support.reported_runs import reported_smoke

pytestmark = pytest.mark.tensorflow

MODELS = ("smoke", "parity", "digit_value")
# Text outside <data> that may have digits: names, drawings, commands and the configuration.
_UNCHECKED = {"svg", "style", "code", "pre", "title"}
_VOID = {"meta", "img", "link", "br", "path", "use"}


class Page(HTMLParser):
    """Collects the numbers of a page, and the text that is outside of them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.numbers: list[tuple[dict[str, str | None], str]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open.pop()[0] == tag

    def handle_data(self, text: str) -> None:
        if self.open and self.open[-1][0] == "data":
            self.numbers.append((self.open[-1][1], text))
        elif not _UNCHECKED & {tag for tag, _ in self.open}:
            self.text.append(text)


@pytest.fixture(scope="module")
def workspaces(smoke: Path, single_output: Path) -> dict[str, Path]:
    return {"smoke": smoke, "parity": single_output, "digit_value": single_output}


def page_of(workspace: Path, name: str) -> str:
    return (find_published(workspace / "exported" / name).path / REPORT_FILE).read_text()


def manifests(workspace: Path, name: str) -> dict[str, Any]:
    """Return the manifests of the stages of the published run."""
    stages = find_published(workspace / "exported" / name).document["stages"]
    return {
        stage: json.loads((workspace / "runs" / stage / fingerprint / "manifest.json").read_text())
        for stage, fingerprint in stages.items()
    }


@pytest.mark.parametrize("name", MODELS)
def test_every_number_is_one_of_the_facts(workspaces: dict[str, Path], name: str) -> None:
    facts = manifests(workspaces[name], name)
    numbers = Page(page_of(workspaces[name], name)).numbers
    assert len(numbers) > 200
    for attributes, text in numbers:
        found: Any = facts
        for key in str(attributes["data-fact"]).split("/"):
            found = found[int(key)] if isinstance(found, list) else found[key]
        assert attributes["value"] == repr(found), attributes
        assert text == formatted(found, str(attributes["data-format"])), attributes


@pytest.mark.parametrize("name", MODELS)
def test_published_manifest_has_the_same_numbers(workspaces: dict[str, Path], name: str) -> None:
    published = find_published(workspaces[name] / "exported" / name)
    stages = manifests(workspaces[name], name)
    assert published.document["report"] == stages["report"]["facts"]["measures"]
    assert published.document["files"][REPORT_FILE]["bytes"] < 3_000_000
    scores = stages["evaluate"]["facts"]["metrics"]["test"]["scores"]
    assert scores.items() <= published.document["metrics"]["test"].items()


@pytest.mark.parametrize("name", MODELS)
def test_no_number_is_written_beside_the_facts(workspaces: dict[str, Path], name: str) -> None:
    """Names of classes, files, layers and packages may have digits, and axes of charts."""
    page = page_of(workspaces[name], name)
    known = set(map(str, range(10))) | {"5,000", "7,850", "256", "1", "0.5", "50", "95", "2018"}
    words = re.findall(r"(?<![\w.:-])[\d.,]*\d(?![\w.:-])", " ".join(Page(page).text))
    versions = {
        version
        for stage in manifests(workspaces[name], name).values()
        for version in stage["ingredients"]["packages"].values()
    }
    assert [word for word in words if word not in known | versions | {"25", "75"}] == []


@pytest.mark.parametrize("name", MODELS)
def test_page_is_self_contained(workspaces: dict[str, Path], name: str) -> None:
    page = page_of(workspaces[name], name)
    sources = re.findall(r'(?:src|href)="([^"]*)"|url\(([^)]*)\)', page)
    found = {first or second for first, second in sources}
    assert {url for url in found if not url.startswith(("#", "data:"))} == set()
    assert "<script" not in page
    assert "default-src 'none'; script-src 'none'; img-src data:;" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


def test_ids_are_unique(smoke: Path) -> None:
    ids = re.findall(r'\bid="([^"]*)"', page_of(smoke, "smoke"))
    assert len(ids) == len(set(ids))


def test_sections_are_those_of_the_task(workspaces: dict[str, Path]) -> None:
    sections = {
        name: re.findall(r'<section id="([\w-]+)"', page_of(workspaces[name], name))
        for name in MODELS
    }
    common = ["robustness", "network", "files", "data", "provenance"]
    classes = ["learning", "confusion", "mistakes", "confidence"]
    assert sections["smoke"] == [*classes, *common]
    assert sections["parity"] == [*classes, "thresholds", *common]
    assert sections["digit_value"] == ["learning", "mistakes", "residuals", *common]


def test_times_are_those_of_the_stages_and_of_measuring(smoke: Path) -> None:
    page = page_of(smoke, "smoke")
    [times] = re.findall(r"<summary>Time of each stage</summary>(.*?)</details>", page, re.S)
    facts = re.findall(r'data-fact="([^"]*)"', times)
    stages = ("data", "train", "evaluate", "export", "verify")
    assert facts == [*(f"{stage}/seconds" for stage in stages), "report/facts/measures/seconds"]
    report = manifests(smoke, "smoke")["report"]
    assert 0 < report["facts"]["measures"]["seconds"] < report["seconds"]
    [run] = re.findall("<code>pipeline runs (.*?)</code>", times)
    shown = in_process("runs", run, "-C", smoke).out
    assert f"report        {report['seconds']:,.1f} s" in shown


def test_text_of_charts_is_text(smoke: Path) -> None:
    page = page_of(smoke, "smoke")
    assert re.search(r"<text[^>]*>\s*epoch\s*</text>", page)
    assert not re.search(r"#(0072b2|c44e00|1d1e22|5d5f68)", page.split("</style>")[1])


def test_result_is_one_sentence_with_its_interval(smoke: Path) -> None:
    [sentence] = re.findall(r'<p class="sentence">(.*?)</p>', page_of(smoke, "smoke"))
    text = re.sub(r"<[^>]*>|\s", " ", sentence)
    assert re.match(r" ?smoke +classifies +[\d.]+ % +of +[\d,]+ +test images correctly", text)
    assert re.search(r"\( ?95 % +confidence interval +[\d.]+ % +to +[\d.]+ % ?\)", text)


def test_errors_in_a_sentence_have_the_same_digits(single_output: Path) -> None:
    page = page_of(single_output, "digit_value")
    [sentence] = re.findall(r'<p class="sentence">(.*?)</p>', page)
    assert re.findall(r'data-format="(\.[^"]*)"', sentence) == [".3f"] * 3  # MAE, RMSE, the mean's
    assert "The share of images whose prediction is above 0." in page


def test_shortened_paths_are_named(smoke: Path) -> None:
    """The sample needs no folder; with one, its path means nothing on another machine."""
    assert "which were shortened" not in page_of(smoke, "smoke")
    run, facts = reported_smoke(smoke)
    page = report_page(replace(run, config=read(SMOKE, [f"data.manual_dir={smoke}/mnist"])), facts)
    text = "Replace the paths in <code>data.manual_dir</code>, which were shortened."
    assert text in page
    assert str(smoke) not in page


def test_commands_are_those_of_the_run(smoke: Path) -> None:
    page = page_of(smoke, "smoke")
    run = find_published(smoke / "exported" / "smoke").document["stages"]["train"][:8]
    for command in ("pipeline run smoke.yaml", "pipeline serve smoke"):
        assert f"<code>{command}</code>" in page
    assert f"<code>pipeline compare smoke-{run} " in page
    assert str(smoke) not in page
