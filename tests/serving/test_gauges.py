"""The drawing page in a real browser, for models that predict one number: a gauge, no bars."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.page_visits import visit_page
from tests.support.requirements import needs_browser
from tests.support.servers import Server
from tests.support.single_output import DIGIT_VALUE, OUTPUTS, PARITY

pytestmark = [pytest.mark.browser, needs_browser]
SIZES = ("desk", "phone")
any_size = pytest.mark.parametrize("size", SIZES)
any_model = pytest.mark.parametrize("model", OUTPUTS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("screenshots")


@pytest.fixture(scope="module")
def seen(single_output_server: Server, folder: Path) -> Any:
    """Return what the driver recorded in one visit to the page; all tests read it."""
    return visit_page("gauges.mjs", f"{single_output_server.url}/", folder)


def test_browser_reports_no_problems(seen: Any) -> None:
    assert (seen["console"], seen["violations"]) == ([], [])


def test_purpose_follows_the_task(seen: Any) -> None:
    parity, value = (seen["desk"][model]["empty"]["purpose"] for model in (PARITY, DIGIT_VALUE))
    assert parity == "Draw a digit, and a neural network chooses between even and odd."
    assert value == "Draw a digit, and a neural network predicts a number."


@any_size
@any_model
def test_one_gauge_is_shown_from_the_beginning(seen: Any, size: str, model: str) -> None:
    visit = seen[size][model]
    gauge = {PARITY: "balance", DIGIT_VALUE: "line"}[model]
    for state in (visit["empty"], *visit["drawn"].values(), visit["cleared"]):
        assert state["shown"] == [gauge]


@any_size
@any_model
def test_empty_gauge_marks_nothing(seen: Any, size: str, model: str) -> None:
    for state in (seen[size][model]["empty"], seen[size][model]["cleared"]):
        assert (state["label"], state["probability"], state["marked"]) == ("?", "", False)
        assert state["meter"]["aria-valuetext"] == "no prediction yet"
        assert not any(end["number"] or end["best"] for end in state["ends"])


@any_size
@pytest.mark.parametrize(("digit", "name"), [("4", "even"), ("7", "odd")])
def test_likelier_class_is_named_and_the_marker_is_on_its_side(
    seen: Any, size: str, digit: str, name: str
) -> None:
    drawn = seen[size][PARITY]["drawn"][digit]
    even, odd = drawn["ends"]
    assert [even["name"], odd["name"]] == ["even", "odd"]
    assert [end["name"] for end in (even, odd) if end["best"]] == [drawn["label"]] == [name]
    assert drawn["probability"] == (even if name == "even" else odd)["number"]
    probability = float(drawn["meter"]["aria-valuenow"])
    assert (probability > 50) == (name == "odd")
    assert_marked(drawn, probability / 100)
    left, right = drawn["fill"]
    assert (left if name == "odd" else right) == pytest.approx(0.5, abs=0.01)


def test_meter_of_two_classes_is_described(seen: Any) -> None:
    drawn = seen["desk"][PARITY]["drawn"]["7"]
    meter = drawn["meter"]
    assert (meter["role"], meter["aria-label"]) == ("meter", "Probability of odd")
    assert (meter["aria-valuemin"], meter["aria-valuemax"]) == ("0", "100")
    assert meter["aria-valuetext"] == f"{drawn['probability']} odd"


@any_size
@pytest.mark.parametrize("digit", ["4", "7"])
def test_value_is_marked_between_the_digits(seen: Any, size: str, digit: str) -> None:
    drawn = seen[size][DIGIT_VALUE]["drawn"][digit]
    value = float(drawn["meter"]["aria-valuenow"])
    assert drawn["label"] == drawn["meter"]["aria-valuetext"] == f"{value:.2f}"
    assert value == pytest.approx(float(digit), abs=3)  # the model is small: its RMSE is 1.6
    assert drawn["ticks"] == list("0123456789")
    assert (drawn["meter"]["aria-valuemin"], drawn["meter"]["aria-valuemax"]) == ("0", "9")
    assert drawn["meter"]["aria-label"] == "Value"
    assert_marked(drawn, value / 9)
    assert drawn["fill"][0] == pytest.approx(0, abs=0.01)
    assert (drawn["probability"], drawn["outside"]) == ("", "")


def assert_marked(drawn: Any, position: float) -> None:
    """The marker is inside the track, so at 0 and 1 it touches the ends."""
    left, right = drawn["marker"]
    assert drawn["marked"]
    assert left == pytest.approx(position * (1 - (right - left)), abs=0.01)


def test_value_outside_of_the_range_is_explained(seen: Any) -> None:
    outside = seen["outside"]
    assert outside["label"] == "12.30"
    assert outside["outside"] == "Outside of the labels’ range, 0 to 9"  # noqa: RUF001
    assert outside["meter"]["aria-valuetext"] == f"12.30. {outside['outside']}"
    assert outside["meter"]["aria-valuenow"] == "9"
    assert_marked(outside, 1)


def test_negative_zero_has_no_sign(seen: Any) -> None:
    assert seen["negative"]["label"] == "0.00"
    assert_marked(seen["negative"], 0)


def test_value_without_known_range_is_only_a_number(seen: Any) -> None:
    assert (seen["withoutRange"]["label"], seen["withoutRange"]["shown"]) == ("1235", [])


def test_unsure_prediction_is_marked(seen: Any) -> None:
    assert seen["unsure"]["unsure"]
    assert seen["unsure"]["doubtful"]


def test_screen_reader_hears_the_prediction(seen: Any) -> None:
    for model, visit in seen["desk"].items():
        drawn = visit["drawn"]["7"]
        expected = {PARITY: f"odd, {drawn['probability']}.", DIGIT_VALUE: f"{drawn['label']}."}
        assert visit["spoken"] == expected[model]


def test_phone_shows_everything_and_layout_does_not_move(seen: Any) -> None:
    assert seen["phoneWidth"] == 360
    for visit in seen["phone"].values():
        states = (visit["empty"], *visit["drawn"].values(), visit["cleared"])
        assert len({state["paperTop"] for state in states}) == 1


@any_size
@any_model
def test_light_and_dark_screenshots_differ(seen: Any, folder: Path, size: str, model: str) -> None:
    del seen
    light, dark = (
        np.asarray(Image.open(folder / f"{size}-{model}-{scheme}.png").convert("L"))
        for scheme in ("light", "dark")
    )
    assert light.shape == dark.shape
    assert light[3, 3] > 200
    assert dark[3, 3] < 50
