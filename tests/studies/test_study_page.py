"""The page of a study in a real browser: charts, tables, hostile texts, small screens, print."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.studies.documents.results_page import results_page
from tests.support.page_visits import visit_page
from tests.support.requirements import needs_browser
from tests.support.study_results import HOSTILE, study_cases

pytestmark = [pytest.mark.browser, needs_browser]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a page for each kind of study."""
    folder = tmp_path_factory.mktemp("pages")
    for name, result in study_cases(tmp_path_factory.mktemp("studies")).items():
        (folder / f"{name}.html").write_text(results_page(result))
    return folder


@pytest.fixture(scope="module")
def seen(pages: Path) -> Any:
    """Return what the driver recorded in one visit to all pages; all tests read it."""
    return visit_page("study_page.mjs", pages)


def test_pages_have_no_problems_and_send_no_requests(seen: Any) -> None:
    assert (seen["problems"], seen["requests"]) == ([], [])


def test_no_page_scrolls_sideways(seen: Any) -> None:
    for name, page in seen["pages"].items():
        assert page["widths"] == {"390": 390, "800": 800, "1920": 1920}, name


def test_layout_does_not_move(seen: Any) -> None:
    assert {name: page["shift"] for name, page in seen["pages"].items() if page["shift"]} == {}
    assert len(set(seen["grid"]["tops"])) == 1


def test_hostile_texts_are_shown_as_text(seen: Any) -> None:
    page = seen["pages"]["hostile"]
    assert page["added"] == 0
    for text in HOSTILE:
        assert text in page["text"]


def test_horizontal_axis_can_be_chosen(seen: Any) -> None:
    axes = seen["grid"]["axes"]
    assert all(any(name in label for label in labels) for name, labels in axes.items())
    assert len({tuple(labels) for labels in axes.values()}) == len(axes)
    assert {"validation accuracy", "1", "5"} <= set(axes["epochs"])
    assert "10K" in axes["gradients"]
    assert "200K" in axes["images"]
    assert "gradients (log scale)" in axes["gradients"]  # from 5 to 17,190: see the grid
    assert "gradients" in seen["grid"]["linear"]


def test_vertical_axis_can_be_chosen_and_logarithmic(seen: Any) -> None:
    assert {"validation loss (log scale)", "0.1"} <= set(seen["grid"]["loss"])
    error = {"validation accuracy (log scale of the error)", "0.8", "0.9", "0.95"}
    assert error <= set(seen["grid"]["error"])


def test_six_lines_are_in_color_at_most(seen: Any) -> None:
    pointed, removed, replaced = (seen["grid"][n] for n in ("pointed", "removed", "replaced"))
    assert (pointed["letters"], pointed["chosen"]) == ("ABCDEF", 6)
    assert (pointed["colored"], pointed["gray"]) == (6, 3)
    assert (removed["letters"], removed["chosen"], removed["gray"]) == ("BCDEF", 5, 4)
    assert (replaced["letters"], replaced["chosen"], replaced["gray"]) == ("CDEFAB", 6, 3)
    assert (seen["grid"]["none"]["colored"], seen["grid"]["none"]["gray"]) == (0, 9)


def test_combination_that_is_pointed_at_is_described_with_its_seeds(seen: Any) -> None:
    pointed = seen["grid"]["pointed"]
    assert pointed["seeds"] == 2
    assert "batch size full, learning rate" in pointed["readout"]
    assert "validation loss" in pointed["readout"]
    assert pointed["readout"].endswith("after 5 gradients.")


def test_line_below_the_mouse_is_described(seen: Any) -> None:
    followed = seen["grid"]["followed"]
    assert followed["seeds"] == 2
    assert (
        "sgd (momentum 0.9), batch size 64, learning rate 0.03: validation loss"
        in followed["readout"]
    )


def test_row_of_the_heat_map_shows_its_lines(seen: Any) -> None:
    assert (seen["grid"]["row"]["colored"], seen["grid"]["row"]["gray"]) == (3, 6)
    assert seen["grid"]["exchanged"] == ["batch size", "optimizer"]


def test_command_can_be_copied_or_selected(seen: Any) -> None:
    copied = seen["grid"]["copied"]
    assert copied["text"].startswith("pipeline run ")
    assert copied["text"].endswith("train.threads=2")
    assert copied["selected"] == copied["text"]


def test_combinations_can_be_sorted(seen: Any) -> None:
    ascending, descending = seen["grid"]["sorted"], seen["grid"]["reversed"]
    values = [float(text.split(" ")[0]) for text in ascending[:-1]]
    assert values == sorted(values)
    assert descending[:-1] == ascending[-2::-1]
    assert ascending[-1] == descending[-1] == "-"  # a combination without a score comes last


def test_heat_map_is_operated_by_keyboard(seen: Any) -> None:
    found = seen["keyboard"]
    assert found["name"].startswith("sgd, batch size 16: 0.")
    assert ", tuned to " in found["name"]
    assert found["pointed"]["readout"].startswith("sgd, batch size 16, learning rate")
    assert (found["pointed"]["colored"], found["entered"]["colored"]) == (0, 1)


def test_tables_are_shown_without_scripts(seen: Any) -> None:
    found = seen["withoutScript"]
    assert "need JavaScript" in found["text"]
    assert found["shown"] == {"curves": False, "heat": False, "combinations": True, "target": True}


def test_print_is_on_white_and_has_no_controls(seen: Any) -> None:
    assert seen["print"] == {"ground": "rgb(255, 254, 251)", "controls": False}


def test_every_kind_of_study_has_a_page(seen: Any) -> None:
    pages = seen["pages"]
    assert {name: page["lines"] for name, page in pages.items()} == {
        "grid": 6,
        "hostile": 2,
        "single": 1,
        "failed": 2,
        "empty": 0,
        "regression": 4,
        "conditional": 6,
        "short": 1,
    }
    shown = {name for name, page in pages.items() if page["isHeatMapShown"]}
    assert shown == {"grid", "hostile", "regression", "conditional"}
    assert "No trial produced a model." in pages["failed"]["text"]
    assert "The RMSE is not measured after each epoch" in pages["regression"]["text"]
