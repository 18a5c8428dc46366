"""The drawing page: digits drawn in a real browser are recognized by the real server."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.artifacts.preprocessing import Preprocessing
from pipeline.imaging.image_files import read_pictures
from pipeline.publishing.published_folder import find_published
from tests.support.page_visits import visit_page
from tests.support.paths import PROJECT
from tests.support.requirements import needs_browser
from tests.support.servers import Server

NUMBER = PROJECT / "samples" / "number_172.png"

pytestmark = [pytest.mark.browser, needs_browser]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("screenshots")


@pytest.fixture(scope="module")
def seen(server: Server, folder: Path) -> Any:
    """Return what the driver recorded in one visit to the page; all tests read it."""
    return visit_page("drawing_page.mjs", f"{server.url}/", folder)


def test_browser_reports_no_problems(seen: Any) -> None:
    assert seen["title"] == "dense-pipeline"
    assert (seen["console"], seen["violations"], seen["foreign"]) == ([], [], [])


def test_empty_page_sends_nothing_and_predicts_nothing(seen: Any) -> None:
    assert seen["requestsWhenEmpty"] == 0
    assert (seen["empty"]["label"], seen["empty"]["best"]) == ("?", None)
    assert seen["empty"]["source"] == "No digit seen. The prediction updates as you draw."
    assert seen["empty"]["canonical"]["lit"] == 0


@pytest.mark.parametrize("digit", ["7", "1", "4"])
def test_digit_drawn_with_the_mouse_is_recognized(seen: Any, digit: str) -> None:
    drawn = seen["mouse"][digit]
    assert (drawn["label"], drawn["best"], drawn["notice"]) == (digit, digit, "")
    assert sum(drawn["bars"].values()) == pytest.approx(1, abs=1e-4)
    assert max(drawn["bars"], key=drawn["bars"].get) == digit
    assert (drawn["canonical"]["width"], drawn["canonical"]["height"]) == (28, 28)
    assert 20 < drawn["canonical"]["lit"] < 300  # a digit, not a blot


def test_digit_drawn_by_touch_or_keyboard_is_recognized(seen: Any) -> None:
    assert seen["touch"]["prediction"]["label"] == "4"
    assert seen["keyboard"]["label"] == "7"


def test_prediction_updates_while_drawing_one_request_at_a_time(seen: Any) -> None:
    assert seen["moving"]["asked"] >= 3
    assert seen["moving"]["shown"] >= 3
    assert seen["mostInFlight"] == 1


def test_strokes_and_clearing_can_be_undone(seen: Any) -> None:
    assert seen["undone"]["strokes"] == "Your drawing: 1 stroke"
    assert seen["undone"]["afterOne"]["bars"] != seen["mouse"]["4"]["bars"]
    assert seen["cleared"]["empty"]["label"] == "?"
    assert seen["cleared"]["back"] == seen["undone"]["afterOne"]


@pytest.mark.parametrize("way", ["chosen", "dropped", "pasted"])
def test_picture_is_recognized(seen: Any, way: str) -> None:
    assert seen["pictures"][way]["label"] == "0"


def test_picture_is_described_and_other_files_rejected(seen: Any) -> None:
    assert seen["pictures"]["chosen"]["described"] == "Your picture: zero.jpg"
    assert "must be PNG, JPEG, WebP, GIF, BMP or TIFF" in seen["pictures"]["refused"]


def test_digits_of_a_number_have_boxes(seen: Any) -> None:
    """They lie where the server found the digits, on the picture as it is shown."""
    found, cleared = seen["number"]["found"], seen["number"]["cleared"]
    picture = read_pictures(NUMBER, Preprocessing("mnist-canonical", (28, 28), 1))
    assert picture.finding
    expected = [digit.box for digit in picture.finding.digits]
    assert len(found["label"]) == len(expected) == 3
    np.testing.assert_allclose(found["boxes"], expected, rtol=0, atol=1)  # of 300 pixels
    assert found["visible"] == [True, False]
    assert cleared == {"visible": [False, False], "boxes": 0}


def test_picture_that_the_browser_cannot_show_is_told(seen: Any) -> None:
    number = seen["number"]
    assert number["unshown"]["visible"] == [False, True]
    assert number["unshown"]["notice"].startswith("Cannot read the body as an image")
    assert number["after"] == [False, False]


def test_versions_can_be_chosen_and_default_comes_first(seen: Any, complete: Path) -> None:
    metrics = find_published(complete / "exported" / "smoke").manifest.metrics["test"]
    score = f"{100 * metrics.headline[1]:.1f}\N{NO-BREAK SPACE}%"
    versions, real = seen["versions"], seen["versions"]["real"]
    assert versions["offered"] == [
        {"text": "version 9001, stable, 98.4\N{NO-BREAK SPACE}%", "disabled": False},
        {"text": "version 9002, not available: its files were altered", "disabled": True},
        {"text": f"version {real}, canary, {score}", "disabled": False},
    ]
    assert versions["unavailable"] == "Version 9002: its files were altered"
    assert versions["byDefault"]["asked"] == ":classify-image"
    assert versions["chosen"]["asked"] == f"/versions/{real}:classify-image"
    assert versions["chosen"]["source"].endswith(f"version {real}")
    assert versions["chosen"]["label"] == "7"


def test_phone_shows_everything_and_layout_does_not_move(seen: Any) -> None:
    touch = seen["touch"]
    assert (touch["width"], touch["scrolled"]) == (360, 0)
    assert min(touch["targets"]) >= 44  # CSS pixels (WCAG 2.5.5)
    tops = {touch[state]["paperTop"] for state in ("before", "prediction", "doubted")}
    assert len(tops) == 1


def test_keyboard_reaches_every_control(seen: Any) -> None:
    controls = ["model", "version", "paper", "file"]  # undo and clear are still disabled
    assert seen["reachable"][:4] == controls


def test_screen_reader_announces_prediction_once(seen: Any) -> None:
    *before, sentence = seen["spoken"]
    assert sentence.startswith("1, ")
    assert len(before) <= 1  # if the browser was held up during the drawing


def test_reduced_motion_is_respected(seen: Any) -> None:
    assert seen["animations"] == 0


def test_page_retries_while_server_is_away_or_busy(seen: Any) -> None:
    troubles = seen["troubles"]
    assert "is not responding" in troubles["away"]
    assert (troubles["recovered"]["label"], troubles["recovered"]["notice"]) == ("7", "")
    assert "busy" in troubles["busy"]
    assert (troubles["afterBusy"]["label"], troubles["afterBusy"]["notice"]) == ("1", "")


def test_server_error_replaces_the_prediction(seen: Any) -> None:
    refused = seen["troubles"]["refused"]
    assert refused["notice"] == refused["sent"]
    assert (refused["label"], refused["best"], refused["canonical"]["lit"]) == ("?", None, 0)
    assert seen["troubles"]["afterClear"]["notice"] == ""


def test_unsure_prediction_is_marked(seen: Any) -> None:
    assert seen["troubles"]["unsure"]["unsure"]


def test_token_is_requested_and_sent(seen: Any) -> None:
    token = seen["troubles"]["token"]
    assert token["given"] == [None, "Bearer wrong", "Bearer open sesame"]
    assert "not accept" in token["wrong"]
    assert (token["prediction"]["label"], token["hidden"]) == ("7", True)


@pytest.mark.parametrize("names", [("light", "dark"), ("phone", "phone-dark")])
def test_light_and_dark_screenshots_differ(seen: Any, folder: Path, names: Any) -> None:
    del seen
    light, dark = (Image.open(folder / f"{name}.png").convert("L") for name in names)
    assert light.size == dark.size
    assert np.asarray(light)[3, 3] > 200
    assert np.asarray(dark)[3, 3] < 50
