"""The page in a real browser, for models of colors, clothes, letters, two classes and a value."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.page_visits import visit_page
from tests.support.picture_models import CLOTHES, COLORS, LETTERS, color
from tests.support.requirements import needs_browser
from tests.support.servers import Server, serving
from tests.support.single_output import DIGIT_VALUE, PARITY

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.tensorflow, needs_browser]
MODELS = (COLORS, CLOTHES, LETTERS, PARITY, DIGIT_VALUE)
SIZES = ("desk", "phone")
any_size = pytest.mark.parametrize("size", SIZES)
any_model = pytest.mark.parametrize("model", MODELS)
SPACE = "\N{NO-BREAK SPACE}"


@pytest.fixture(scope="module")
def workspace(
    picture_models: Path, single_output: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """All models in one workspace; the letters have no report."""
    place = tmp_path_factory.mktemp("models")
    for source in (picture_models, single_output):
        shutil.copytree(source / "exported", place / "exported", dirs_exist_ok=True)
    manifest = place / "exported" / LETTERS / "1" / "manifest.json"
    document = json.loads(manifest.read_text())
    del document["files"]["report.html"]
    manifest.write_text(json.dumps(document))
    return place


@pytest.fixture(scope="module")
def server(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(workspace, log=tmp_path_factory.mktemp("server") / "log") as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("screenshots")


@pytest.fixture(scope="module")
def seen(server: Server, folder: Path) -> Any:
    """Return what the driver recorded in one visit to the page; all tests read it."""
    return visit_page("any_page.mjs", f"{server.url}/", folder)


def test_browser_reports_no_problems(seen: Any) -> None:
    assert (seen["console"], seen["violations"]) == ([], [])


@any_size
def test_nothing_is_wider_than_the_window(seen: Any, size: str) -> None:
    assert seen[size]["width"] == {"desk": 1280, "phone": 390}[size]


@any_size
@pytest.mark.parametrize(
    ("model", "noun", "purpose"),
    [
        (COLORS, None, "Choose a picture, and a neural network recognizes it."),
        (CLOTHES, None, "Choose a picture, and a neural network recognizes it."),
        (LETTERS, "letter", "Draw a letter, and a neural network recognizes it."),
        (PARITY, "digit", "Draw a digit, and a neural network chooses between even and odd."),
        (DIGIT_VALUE, "digit", "Draw a digit, and a neural network predicts a number."),
    ],
)
def test_empty_page_says_what_to_do(
    seen: Any, size: str, model: str, noun: str | None, purpose: str
) -> None:
    for state in (seen[size][model]["empty"], seen[size][model]["cleared"]):
        assert (state["purpose"], state["paper"]) == (purpose, noun is not None)
        assert state["invited"] == (f"Draw a {noun}" if noun else "Drop a picture here")
        assert state["source"].startswith(f"No {noun or 'picture'} seen.")
        assert (state["label"], state["probability"], state["why"]) == ("?", "", False)


@any_size
@any_model
def test_scores_fit_the_task(seen: Any, size: str, model: str) -> None:
    shown = {PARITY: "balance", DIGIT_VALUE: "line"}.get(model, "bars")
    for state in ("empty", "example", "cleared"):
        assert seen[size][model][state]["shown"] == [shown]


@any_size
def test_classes_have_their_own_names(seen: Any, size: str) -> None:
    names = [bar["name"] for bar in seen[size][COLORS]["empty"]["bars"]]
    assert names[:3] == ["airplane", "automobile", "bird"]
    assert [bar["name"] for bar in seen[size][CLOTHES]["example"]["bars"]][3] == "Dress"
    assert seen[size][CLOTHES]["example"]["label"] == "Dress"


@any_size
def test_of_many_classes_the_five_likeliest_are_shown(seen: Any, size: str) -> None:
    visit = seen[size][LETTERS]
    bars = visit["example"]["bars"]
    probabilities = [bar["probability"] for bar in bars]
    assert len(bars) == 5
    assert probabilities == sorted(probabilities, reverse=True)
    assert bars[0]["name"] == visit["example"]["label"]
    assert [bar["name"] for bar in visit["cleared"]["bars"]] == [""] * 5


@any_size
def test_bars_below_one_percent_are_dimmed(seen: Any, size: str) -> None:
    bars = [bar for model in MODELS[:3] for bar in seen[size][model]["example"]["bars"]]
    assert [bar["slight"] for bar in bars] == [bar["probability"] < 0.01 for bar in bars]
    assert {bar["slight"] for bar in bars} == {True, False}


@any_size
def test_color_picture_is_shown_as_the_network_sees_it(seen: Any, size: str) -> None:
    shown = seen[size][COLORS]["example"]
    assert (shown["seen"]["width"], shown["seen"]["height"]) == (32, 32)
    assert shown["seen"]["middle"] == color(3)[0, 0].tolist()
    assert shown["label"] == "cat"
    assert shown["explanation"].endswith("your picture scaled to 32 × 32 pixels.")  # noqa: RUF001


@any_size
@pytest.mark.parametrize("model", [LETTERS, PARITY, DIGIT_VALUE])
def test_drawings_are_predicted(seen: Any, size: str, model: str) -> None:
    assert seen[size][model]["drawn"]["label"] != "?"
    assert seen[size][COLORS]["drawn"] is None


def test_drawn_letter_fills_the_image(seen: Any) -> None:
    """The line takes 64 % of the height of the paper; the letters of EMNIST leave two pixels."""
    rows = seen["desk"][LETTERS]["drawn"]["seen"]["rows"]
    assert [row > 100 for row in rows] == [False] * 2 + [True] * 24 + [False] * 2


@any_size
@any_model
def test_version_shows_label_and_score_in_words(
    seen: Any, server: Server, size: str, model: str
) -> None:
    score = server.get(f"/v1/models/{model}").json()["versions"]["1"]["score"]
    text = seen[size][model]["empty"]["version"]
    if model == DIGIT_VALUE:
        assert text == f"version 1, stable, RMSE {score['value']:.3f}"
    else:
        assert text == f"version 1, stable, {100 * score['value']:.1f}{SPACE}%"


@any_size
@any_model
def test_command_and_links_lead_to_the_model(
    seen: Any, server: Server, size: str, model: str
) -> None:
    state = seen[size][model]["empty"]
    base = f"{server.url}/v1/models/{model}"
    assert state["curl"] == f"curl --data-binary @picture.png {base}:classify-image"
    report = [] if model == LETTERS else [["Report", f"{base}/report.html"]]
    assert state["links"] == [
        *report,
        ["Model card", f"{base}/README.md"],
        ["API (OpenAPI)", f"{server.url}/openapi.json"],
    ]


def test_links_can_be_opened(server: Server, workspace: Path) -> None:
    base, published = f"/v1/models/{COLORS}", workspace / "exported" / COLORS / "1"
    report = server.get(f"{base}/report.html")
    assert report.content == (published / "report.html").read_bytes()
    assert "sandbox" in report.headers["Content-Security-Policy"]
    assert "script-src" not in report.headers["Content-Security-Policy"]
    card = server.get(f"{base}/versions/1/README.md")
    assert card.content == (published / "README.md").read_bytes()
    assert card.headers["Content-Type"] == "text/plain; charset=utf-8"
    missing = server.get(f"/v1/models/{LETTERS}/labels/stable/report.html")
    assert missing.status_code == 404
    assert missing.json()["error"] == f"{LETTERS} version 1 has no report.html."
    assert server.get(f"{base}/manifest.json").status_code == 404


def test_altered_document_is_not_sent(server: Server, workspace: Path) -> None:
    card = workspace / "exported" / CLOTHES / "1" / "README.md"
    card.write_text("Not the card.")
    response = server.get(f"/v1/models/{CLOTHES}/README.md")
    assert response.status_code == 503
    assert response.json()["error"].startswith(
        f"The file of {CLOTHES} version 1 cannot be sent: README.md has 13 bytes instead of "
    )


@any_size
@any_model
def test_example_pictures_can_be_clicked(seen: Any, size: str, model: str) -> None:
    visit = seen[size][model]
    assert visit["empty"]["examples"] == 10
    assert visit["example"]["label"] != "?"


@any_size
@any_model
def test_reasons_are_shown(seen: Any, size: str, model: str) -> None:
    text = seen[size][model]["example"]["reasons"]
    assert seen[size][model]["example"]["why"]
    assert "constant" in text
    if model == DIGIT_VALUE:
        assert text.startswith("Pixels that make the value larger and smaller")
    else:
        first = seen[size][model]["example"]["label"]
        assert text.startswith(f"Pixels that speak for {first} and for ")
        assert "exactly the difference of their logits" in text


def test_reasons_that_cannot_be_given_are_explained(seen: Any) -> None:
    assert seen["refused"] == {"text": "It has the activation tanh.", "evidence": False}


def test_with_a_token_there_are_no_links(seen: Any) -> None:
    assert seen["token"]["links"] == 0
    assert seen["token"]["curl"].startswith('curl -H "Authorization: Bearer $TOKEN" --data-binary')


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
