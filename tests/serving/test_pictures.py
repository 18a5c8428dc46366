"""Picture files over HTTP, compared with ``pipeline predict``."""

import asyncio
import base64
import io
import itertools
import threading
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from pipeline import predict
from pipeline.serving.errors import ServingError
from pipeline.serving.http.messages import Request
from pipeline.serving.protocols import picture_thread, pictures
from pipeline.verification.comparing import Reference
from tests.support.paths import PROJECT
from tests.support.servers import Server

SAMPLES = PROJECT / "samples"
FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}


def on_paper(image: Any, *, dark_on_light: bool, size: int) -> Image.Image:
    """Return a digit of the test set, enlarged, off center on a sheet."""
    digit = Image.fromarray(image.squeeze()).resize(
        (size // 3, size // 3), Image.Resampling.BICUBIC
    )
    sheet = Image.new("L", (size, size * 3 // 4), 0)
    sheet.paste(digit, (size // 2, size // 5))
    return Image.eval(sheet, lambda value: 255 - value) if dark_on_light else sheet


@pytest.mark.parametrize("made", list(itertools.product(FORMATS, [True, False], [150, 1600])))
def test_prediction_equals_that_of_the_command_line(
    server: Server,
    complete: Path,
    reference: Reference,
    tmp_path: Path,
    made: tuple[str, bool, int],
) -> None:
    kind, dark_on_light, size = made
    image = np.load(reference.images)[0]
    path = tmp_path / f"digit.{kind.lower()}"
    on_paper(image, dark_on_light=dark_on_light, size=size).save(path, kind)
    response = server.post(
        "/v1/models/smoke:classify-image",
        data=path.read_bytes(),
        headers={"Content-Type": FORMATS[kind]},
    ).json()
    [expected] = predict(complete / "exported" / "smoke", [path])
    assert response["top"][0]["label"] == expected.label == str(reference.labels[0])
    assert response["probabilities"] == pytest.approx(expected.probabilities, abs=1e-5)
    ranked = sorted(response["probabilities"].items(), key=lambda item: -item[1])[:3]
    assert [(row["label"], row["probability"]) for row in response["top"]] == ranked
    assert (response["model"], response["version"]) == ("smoke", "1")


def test_response_contains_the_image_the_network_saw(server: Server, reference: Reference) -> None:
    """An image of the data set is not changed."""
    image = np.load(reference.images)[3]
    file = io.BytesIO()
    Image.fromarray(image.squeeze()).save(file, "PNG")
    response = server.post("/v1/models/smoke:classify-image", data=file.getvalue()).json()
    seen = Image.open(io.BytesIO(base64.b64decode(response["canonical"]["b64"])))
    np.testing.assert_array_equal(np.asarray(seen), image.squeeze())
    expected = reference.probabilities[3]
    np.testing.assert_allclose(
        list(response["probabilities"].values()), expected, rtol=0, atol=1e-5
    )
    assert response["unsure"] == (response["reason"] is not None)


def test_empty_sheet_shows_no_digit(server: Server) -> None:
    file = io.BytesIO()
    Image.new("L", (300, 200), 255).save(file, "PNG")
    response = server.post("/v1/models/smoke:classify-image", data=file.getvalue()).json()
    assert (response["unsure"], response["reason"]) == (True, "no digit here")
    assert (response["top"], response["digits"]) == ([], [])


def test_several_digits_are_read_from_left_to_right(server: Server) -> None:
    picture = (SAMPLES / "number_172.png").read_bytes()
    response = server.post("/v1/models/smoke:classify-image", data=picture).json()
    assert (response["unsure"], response["reason"]) == (True, "more than one digit")
    assert response["top"] == []
    assert [each["label"] for each in response["digits"]] == ["1", "7", "2"]
    lefts = [each["box"][0] for each in response["digits"]]
    assert lefts == sorted(lefts)


def test_forms_and_json_are_accepted(server: Server) -> None:
    path, picture = "/v1/models/smoke:classify-image", (SAMPLES / "seven.png").read_bytes()
    plain = server.post(path, data=picture).json()
    assert plain["digits"][0]["label"] == "7"
    encoded = {"b64": base64.b64encode(picture).decode()}
    assert server.post(path, json=encoded).json() == plain
    fields = {"data": {"note": "a digit"}, "files": {"file": ("a\r\n.png", picture, "image/png")}}
    assert server.post(path, **fields).json() == plain


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (
            {"data": {"note": "x"}, "files": {"note": (None, "x")}},
            "one file; got 0 files in the bo",
        ),
        ({"files": [("a", b"1"), ("b", b"2")]}, "one file; got 2 files in the body. Send a"),
        ({"json": {"b64": 7}}, "must be {'b64': its file in base64}; got {'b64': a number} in the"),
        ({"json": {"image": "aGk="}}, "got {'image': a string} in the body"),
        ({"json": {"b64": "?"}}, "'b64' must be base64; got 1 characters in the body: "),
        (
            {"json": {"b64": "aGk="}},
            "Cannot read the body as an image: unknown image format. Use a",
        ),
        ({"json": []}, "The body must be a JSON object; got a list"),
    ],
)
def test_forms_and_json_without_a_picture_are_explained(
    server: Server, sent: dict[str, Any], words: str
) -> None:
    response = server.post("/v1/models/smoke:classify-image", **sent)
    assert response.status_code == 400
    assert words in response.json()["error"]


@pytest.mark.parametrize(
    ("header", "body", "words"),
    [
        ("", b"--x--", "one file; got a Content-Type header without a boundary. Send a picture"),
        (
            "; boundary=x",
            b'--x\r\ncontent-disposition: a; filename="b"\r\n\r\nhi',
            "one file; got a body without the closing boundary. Send a picture",
        ),
    ],
)
def test_damaged_forms_are_explained(server: Server, header: str, body: bytes, words: str) -> None:
    headers = {"Content-Type": f"multipart/form-data{header}"}
    response = server.post("/v1/models/smoke:classify-image", data=body, headers=headers)
    assert response.status_code == 400
    assert words in response.json()["error"]


def test_errors_speak_of_the_body(server: Server) -> None:
    """Not of paths and of files that only the command line reads."""
    response = server.post("/v1/models/smoke:classify-image", data=b"hello")
    assert response.json()["error"].endswith("TIFF picture, or an array, sent to :predict.")
    heic = server.post("/v1/models/smoke:classify-image", data=b"\0\0\0\x18ftypheic\0\0\0\0")
    assert "got HEIC in the body. Save it as PNG or JPEG. An iPhone" in heic.json()["error"]


def test_unsure_predictions_have_the_reasons_of_the_command_line(
    server: Server, complete: Path, tmp_path: Path, reference: Reference
) -> None:
    images, found = np.load(reference.images)[:150], []
    files: list[Path] = []
    for image in images:
        file = io.BytesIO()
        Image.fromarray(image.squeeze()).save(file, "PNG")
        files.append(tmp_path / f"{len(files)}.png")
        files[-1].write_bytes(file.getvalue())
        found.append(server.post("/v1/models/smoke:classify-image", data=file.getvalue()).json())
    expected = predict("smoke", files, workspace=complete)
    assert [each["reason"] for each in found] == [each.reason for each in expected]
    assert [each["unsure"] for each in found] == [each.unsure for each in expected]
    assert 0 < sum(each["unsure"] for each in found) < 75
    assert any("calibrated" in (each["reason"] or "") for each in found)


@pytest.mark.parametrize("bad", ["bomb", "cut", "ppm"])
def test_invalid_pictures_are_explained(server: Server, bad: str) -> None:
    file = io.BytesIO()
    if bad == "bomb":
        Image.new("1", (10_000, 10_000)).save(file, "PNG")
    else:
        Image.new("L", (200, 200), 100).save(file, "PPM" if bad == "ppm" else "PNG")
    body = file.getvalue()[: -30 if bad == "cut" else None]
    response = server.post("/v1/models/smoke:classify-image", data=body)
    assert response.status_code == 400
    words = {
        "bomb": "at most 20,000,000 pixels",
        "cut": "Cannot read",
        "ppm": "got PGM in the body",
    }
    assert words[bad] in response.json()["error"]
    assert server.events()  # every line is JSON, also Pillow's warning about the bomb


def test_deadline_passes_while_waiting_for_another_picture() -> None:
    """Pictures are decoded one at a time; the others must not wait forever."""
    free = threading.Event()
    picture_thread._thread().submit(free.wait)
    deadline = time.perf_counter() + 0.1
    request = Request("POST", "/", {}, "id", 0, deadline, "", complete=True, body=b"a picture")
    try:
        with pytest.raises(ServingError, match="deadline passed while it waited") as caught:
            asyncio.run(classify(request))
    finally:
        free.set()
    assert caught.value.status == 504


async def classify(request: Request) -> None:
    request.parameters = {"name": "any", "version": None, "label": None}
    service = Mock()
    classifying = asyncio.create_task(pictures.classify_image(service, request))
    await asyncio.wait_for(classifying, 30)
