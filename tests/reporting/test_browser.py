"""Reports in Chromium: accessible in light and dark, readable on a phone, used by keyboard."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.artifacts.report import REPORT_FILE
from pipeline.publishing.published_folder import find_published
from pipeline.reporting.page import report_page
from pipeline.runtimes.npm import packages_folder
from tests.support.page_visits import visit_page
from tests.support.reported_runs import reported_smoke

pytestmark = [pytest.mark.tensorflow, pytest.mark.browser]

NAMES = ("airplane", "automobile", "bird", "T-shirt/top", "deer", "sandal", "7", "horse", "ship",
         "truck")  # fmt: skip


@pytest.fixture(scope="module")
def seen(smoke: Path, single_output: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    if not (packages_folder() / "node_modules" / "axe-core").is_dir():
        pytest.skip("needs axe-core: make javascript")
    folder = tmp_path_factory.mktemp("reports")
    for workspace, name in (
        (smoke, "smoke"),
        (single_output, "parity"),
        (single_output, "digit_value"),
    ):
        report = find_published(workspace / "exported" / name).path / REPORT_FILE
        shutil.copyfile(report, folder / f"{name}.html")
    (folder / "names.html").write_text(_page_with_names(smoke))
    return visit_page("report_page.mjs", folder)


def _page_with_names(smoke: Path) -> str:
    """Return the page of a run with words as the names of its classes."""
    run, facts = reported_smoke(smoke)
    named = replace(run.data.facts, class_names=NAMES)
    return report_page(replace(run, data=replace(run.data, facts=named)), facts)


def test_names_are_not_broken_and_pictures_have_one_size(seen: Any) -> None:
    for page in seen["pages"].values():
        assert page["brokenWords"] == {"390": [], "1280": []}
        for found in (page["pictureSizes"], page["rowHeights"]):
            assert max(map(len, found.values())) <= 1, found


def test_pages_send_no_requests_and_log_nothing(seen: Any) -> None:
    assert (seen["problems"], seen["requests"]) == ([], [])


def test_axe_finds_no_violations(seen: Any) -> None:
    for name, page in seen["pages"].items():
        for scheme in ("light", "dark"):
            assert page["axe"][scheme]["violations"] == [], (name, scheme)
            assert page["axe"][scheme]["passes"] > 30  # it has looked


def test_pages_fit_a_phone_and_a_desk(seen: Any) -> None:
    for page in seen["pages"].values():
        assert page["widths"] == {"390": 390, "1280": 1280}


def test_images_behind_a_cell_open_and_close_by_keyboard(seen: Any) -> None:
    for name in ("smoke", "parity"):
        cell = seen["pages"][name]["cell"]
        assert cell["pictures"] >= 1
        assert cell["afterEscape"] == 0
    assert seen["pages"]["digit_value"]["cell"] is None


def test_dark_pages_are_printed_on_white(seen: Any) -> None:
    assert {page["print"]["ground"] for page in seen["pages"].values()} == {"rgb(255, 255, 255)"}
