"""The page of the server: digits drawn in a real browser are recognised by the real server."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.runtimes.npm import CHROMIUM, packages_folder
from pipeline.runtimes.packages import find_program
from tests.support.paths import PROJECT
from tests.support.requirements import needs_browser
from tests.support.servers import Server

pytestmark = needs_browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("screenshots")


@pytest.fixture(scope="module")
def seen(server: Server, folder: Path) -> Any:
    """What the driver saw; the page is visited once, the tests read what it wrote."""
    driver = PROJECT / "tests" / "js" / "drawing_page.mjs"
    done = subprocess.run(
        ["node", driver, f"{server.url}/", folder, str(find_program(CHROMIUM))],
        capture_output=True,
        text=True,
        cwd=packages_folder(),
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)


def test_the_browser_has_nothing_to_complain_of(seen: Any) -> None:
    assert seen["title"] == "dense-pipeline"
    assert (seen["console"], seen["violations"], seen["foreign"]) == ([], [], [])


def test_nothing_is_sent_and_nothing_claimed_before_something_is_drawn(seen: Any) -> None:
    assert seen["requestsWhenEmpty"] == 0
    assert (seen["empty"]["label"], seen["empty"]["best"]) == ("?", None)
    assert seen["empty"]["canonical"]["lit"] == 0


@pytest.mark.parametrize("digit", ["7", "1", "4"])
def test_a_digit_drawn_with_the_mouse_is_recognised(seen: Any, digit: str) -> None:
    answer = seen["mouse"][digit]
    assert (answer["label"], answer["best"], answer["notice"]) == (digit, digit, "")
    assert sum(answer["bars"].values()) == pytest.approx(1, abs=1e-4)
    assert max(answer["bars"], key=answer["bars"].get) == digit
    assert (answer["canonical"]["width"], answer["canonical"]["height"]) == (28, 28)
    assert 20 < answer["canonical"]["lit"] < 300  # a digit, not a blot


def test_a_digit_drawn_by_touch_or_keyboard_is_recognised(seen: Any) -> None:
    assert seen["touch"]["answer"]["label"] == "4"
    assert seen["keyboard"]["label"] == "7"


def test_the_answer_moves_while_the_pen_is_down_and_requests_do_not_pile_up(seen: Any) -> None:
    assert seen["moving"]["asked"] >= 3
    assert seen["moving"]["shown"] >= 3
    assert seen["mostInFlight"] == 1


def test_what_was_done_can_be_undone(seen: Any) -> None:
    assert seen["undone"]["strokes"] == "Your drawing: 1 stroke"
    assert seen["undone"]["afterOne"]["bars"] != seen["mouse"]["4"]["bars"]
    assert seen["cleared"]["empty"]["label"] == "?"
    assert seen["cleared"]["back"] == seen["undone"]["afterOne"]


@pytest.mark.parametrize("way", ["chosen", "dropped", "pasted"])
def test_a_picture_is_recognised(seen: Any, way: str) -> None:
    assert seen["pictures"][way]["label"] == "0"


def test_a_picture_is_described_and_another_file_refused_in_words(seen: Any) -> None:
    assert seen["pictures"]["chosen"]["described"] == "Your picture: zero.jpg"
    assert "must be PNG, JPEG or WebP" in seen["pictures"]["refused"]


def test_versions_can_be_chosen_and_the_default_comes_first(seen: Any) -> None:
    versions, real = seen["versions"], seen["versions"]["real"]
    assert versions["offered"] == [
        {"text": "9001 · stable · default", "disabled": False},
        {"text": "9002 · not available: its files were altered", "disabled": True},
        {"text": f"{real} · canary", "disabled": False},
    ]
    assert versions["unavailable"] == "Version 9002: its files were altered"
    assert versions["byDefault"]["asked"] == ":classify-image"
    assert versions["chosen"]["asked"] == f"/versions/{real}:classify-image"
    assert versions["chosen"]["source"].endswith(f"version {real}")
    assert versions["chosen"]["label"] == "7"


def test_a_phone_shows_all_of_it_and_nothing_moves_under_the_finger(seen: Any) -> None:
    touch = seen["touch"]
    assert (touch["width"], touch["scrolled"]) == (360, 0)
    assert min(touch["targets"]) >= 44  # CSS pixels (WCAG 2.5.5)
    tops = {touch[state]["paperTop"] for state in ("before", "answer", "doubted")}
    assert len(tops) == 1


def test_the_keyboard_reaches_every_control(seen: Any) -> None:
    controls = ["model", "version", "paper", "file"]  # undo and clear have nothing to do yet
    assert seen["reachable"][:4] == controls


def test_a_screen_reader_is_told_the_answer_once(seen: Any) -> None:
    *before, sentence = seen["spoken"]
    assert sentence.startswith("1, ")
    assert len(before) <= 1  # where the browser was held up while it was drawn


def test_reduced_motion_is_respected(seen: Any) -> None:
    assert seen["animations"] == 0


def test_a_server_that_is_away_or_busy_is_waited_for(seen: Any) -> None:
    troubles = seen["troubles"]
    assert "does not answer" in troubles["away"]
    assert (troubles["recovered"]["label"], troubles["recovered"]["notice"]) == ("7", "")
    assert "busy" in troubles["busy"]
    assert (troubles["afterBusy"]["label"], troubles["afterBusy"]["notice"]) == ("1", "")


def test_an_error_of_the_server_is_shown_in_its_words_and_no_answer_beside_it(seen: Any) -> None:
    refused = seen["troubles"]["refused"]
    assert refused["notice"] == refused["sent"]
    assert (refused["label"], refused["best"], refused["canonical"]["lit"]) == ("?", None, 0)
    assert seen["troubles"]["afterClear"]["notice"] == ""


def test_doubt_is_said(seen: Any) -> None:
    assert seen["troubles"]["unsure"]["unsure"]


def test_a_token_is_asked_for_and_sent(seen: Any) -> None:
    token = seen["troubles"]["token"]
    assert token["given"] == [None, "Bearer wrong", "Bearer open sesame"]
    assert "not accept" in token["wrong"]
    assert (token["answer"]["label"], token["hidden"]) == ("7", True)


@pytest.mark.parametrize("names", [("light", "dark"), ("phone", "phone-dark")])
def test_light_and_dark_differ_as_screenshots_do(seen: Any, folder: Path, names: Any) -> None:
    del seen
    light, dark = (Image.open(folder / f"{name}.png").convert("L") for name in names)
    assert light.size == dark.size
    assert np.asarray(light)[3, 3] > 200
    assert np.asarray(dark)[3, 3] < 50
