"""Invalid requests are explained in ``{"error": ...}``, never with a traceback or a 500."""

import base64
import gzip
import io
import json
from typing import Any

import pytest
import requests
from PIL import Image

from tests.support.servers import Server

ZERO = [[[0]] * 28] * 28
ENCODED = {"signature_name": "serving_encoded"}


def png(width: int, height: int) -> str:
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


LARGER = png(29, 28)


def image_with(value: Any) -> Any:
    image = [[[0] for _ in range(28)] for _ in range(28)]
    image[3][5][0] = value
    return image


def deep(levels: int) -> Any:
    value: Any = 7
    for _ in range(levels):
        value = [value]
    return value


def tensor(**changes: Any) -> dict[str, Any]:
    whole = {"name": "image", "datatype": "UINT8", "shape": [1, 28, 28, 1], "data": [0] * 784}
    return {key: value for key, value in {**whole, **changes}.items() if value is not None}


def assert_rejected(response: requests.Response, status: int, *words: str) -> None:
    assert response.status_code == status, response.text
    assert list(response.json()) == ["error"]
    for word in words:
        assert word in response.json()["error"]
    assert "Traceback" not in response.text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, ["Missing 'inputs' or 'instances' key"]),
        ([], ["must be a JSON object", "a list"]),
        (7, ["must be a JSON object", "a number"]),
        ({"instances": []}, ["at least one image", "[]"]),
        ({"instances": {}}, ["at least one image"]),
        ({"instances": None}, ["at least one image", "null"]),
        ({"instances": [ZERO], "inputs": [ZERO]}, ["expecting only one of", "both"]),
        ({"instances": [ZERO], **ENCODED}, ["at least one image file; got a list of numbers"]),
        (
            {"instances": [{"image": "aaaa"}], **ENCODED},
            ['instances[0] must be {"image_bytes": {"b64": an image file', "got an object"],
        ),
        ({"instances": [], **ENCODED}, ["instances must be a list", "file; got an empty list"]),
        ({"inputs": {"image": []}, **ENCODED}, ["inputs must be a list", "got an object"]),
        ({"instances": [{"b64": "a"}], **ENCODED}, ["instances[0] must be base64; got 1 char"]),
        ({"instances": [{"b64": "aaaa"}], **ENCODED}, ["Cannot read instances[0] as an image"]),
        (
            {"inputs": [{"b64": LARGER}], **ENCODED},
            ["An image must be 28 x 28 pixels; got 29 x 28 in inputs[0]. Resize it."],
        ),
        ({"instances": [ZERO], "signature_name": "other"}, ['"other" not found in signature def']),
        (
            {"instances": [ZERO], "signature_name": 7},
            ["signature_name must be a string", "a number"],
        ),
        (
            {"instances": [ZERO], "signature_name": None},
            ["signature_name must be a string", "null"],
        ),
        (
            {"instances": [ZERO], "signature_name": True},
            ["signature_name must be a string", "a boolean"],
        ),
        ({"instances": [[[0] * 28] * 28]}, ["instances[0][0][0] must be a list of 1; got 0"]),
        ({"instances": [ZERO[:27]]}, ["instances[0] must be a list of 28; got a list of 27"]),
        ({"instances": [ZERO, [1]]}, ["instances[1] must be a list of 28; got a list of 1"]),
        ({"instances": [0] * 784}, ["instances[0] must be a list of 28; got 0"]),
        ({"instances": [image_with(0.53)]}, ["instances[0][3][5][0]", "0.53", "scaling is part"]),
        ({"instances": [image_with(256)]}, ["instances[0][3][5][0]", "0 to 255; got 256"]),
        ({"instances": [image_with(-1)]}, ["got -1"]),
        ({"instances": [image_with(True)]}, ["got true"]),
        ({"instances": [image_with(None)]}, ["got null"]),
        ({"instances": [image_with("7")]}, ['got "7"']),
        ({"instances": [image_with(deep(300))]}, ["got a deeply nested value"]),
        ({"instances": [image_with({"b64": "AAAA"})]}, ['got {"b64":"AAAA"}']),
        ({"instances": [{"picture": ZERO}]}, ["must name one input, 'image'", "picture"]),
        ({"instances": [{"image": ZERO}, 7]}, ["instances[1] must name one input", "a number"]),
        ({"inputs": {"image": ZERO}}, ["inputs[0][0] must be a list of 28"]),
        ({"inputs": {"a": 1, "b": 2}}, ["must name one input", "a, b"]),
    ],
)
def test_invalid_predict_requests(server: Server, body: Any, words: list[str]) -> None:
    assert_rejected(server.predict(body), 400, *words)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, ["inputs must be a list of one tensor", "none"]),
        ({"inputs": [tensor(), tensor()]}, ["inputs must be a list of one tensor", "2 of them"]),
        ({"inputs": [7]}, ["inputs must be a list of one tensor"]),
        ({"inputs": [tensor(name="x")]}, ["unexpected inference input 'x'", "expected 'image'"]),
        ({"inputs": [tensor(datatype="FP32")]}, ["datatype UINT8", "FP32", "scaling is part"]),
        ({"inputs": [tensor(shape=[1, 784])]}, ["shape [batch, 28, 28, 1]", "[1, 784]"]),
        ({"inputs": [tensor(shape=[0, 28, 28, 1])]}, ["batch at least 1"]),
        ({"inputs": [tensor(shape=[True, 28, 28, 1])]}, ["shape [batch, 28, 28, 1]"]),
        ({"inputs": [tensor(shape=[10**30, 28, 28, 1])]}, ["must have"]),
        ({"inputs": [tensor(shape=[2, 28, 28, 1])]}, ["1,568 numbers for 2 images", "784"]),
        ({"inputs": [tensor(data=[0.5] * 784)]}, ["inputs[0].data (image)[0]", "got 0.5"]),
        ({"inputs": [tensor(data=[0] * 783 + [256])]}, ["[783]", "got 256"]),
        ({"inputs": [tensor(data=None)]}, ["must be a list of numbers", "got none"]),
        ({"inputs": [tensor(data=[ZERO, ZERO])]}, ["must have 1 image,", "got 2"]),
        ({"inputs": [tensor(data={"b64": ""})]}, ["must be a list of numbers", "b64"]),
        ({"inputs": [tensor(parameters=[])]}, ["parameters of inputs[0] must be an object"]),
        ({"inputs": [tensor()], "outputs": [{"name": "y"}]}, ["output 'y'", "'probabilities'"]),
        ({"inputs": [tensor()], "outputs": 7}, ["outputs must be a list of one output"]),
        ({"inputs": [tensor()], "id": 7}, ["id must be a string"]),
        ({"inputs": [tensor()], "parameters": {"timeout": -1}}, ["timeout", "microseconds"]),
        (
            {"inputs": [tensor()], "parameters": {"binary_data_output": 1}},
            ["binary_data_output must be true or false"],
        ),
        (
            {"inputs": [tensor(data=None, parameters={"binary_data_size": 784})]},
            ["Inference-Header-Content-Length", "no such header"],
        ),
    ],
)
def test_invalid_infer_requests(server: Server, body: Any, words: list[str]) -> None:
    assert_rejected(server.post("/v2/models/smoke/infer", json=body), 400, *words)


@pytest.mark.parametrize(
    ("size", "sent", "header", "words"),
    [
        (784, 783, None, ["binary_data_size must be 783", "got 784"]),
        (783, 783, None, ["must have 784 bytes for 1 image of", "got 783"]),
        (None, 784, None, ["784 bytes follow the JSON", "binary_data_size"]),
        (784, 784, "x", ["Inference-Header-Content-Length must be", "'x'"]),
        (784, 784, "-1", ["Inference-Header-Content-Length must be"]),
        (784, 784, "99999", ["Inference-Header-Content-Length must be", "at most"]),
        (784, 784, "9" * 5000, ["Inference-Header-Content-Length must be"]),
        (784, 784, "²", ["Inference-Header-Content-Length must be"]),
        (784, 784, "10", ["must be JSON"]),
    ],
)
def test_invalid_binary_tensors(
    server: Server, size: int | None, sent: int, header: str | None, words: list[str]
) -> None:
    parameters = {"binary_data_size": size} if size else {}
    text = json.dumps({"inputs": [tensor(data=None, parameters=parameters)]}).encode()
    headers = {"Inference-Header-Content-Length": (header or str(len(text))).encode("latin-1")}
    response = server.post("/v2/models/smoke/infer", data=text + bytes(sent), headers=headers)
    assert_rejected(response, 400, *words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", ["must be JSON", "the body is empty"]),
        (b"{", ["must be JSON"]),
        (b'{"instances": [NaN]}', ["must be JSON"]),
        (b'{"instances": [Infinity]}', ["must be JSON"]),
        (b'{"instances": [1,]}', ["must be JSON"]),
        (b'{"instances": [01]}', ["must be JSON"]),
        (b'\xff\xfe{"instances": []}', ["must be JSON"]),
        (
            b'{"instances": [1], "instances": [2]}',
            ['duplicate key "instances" at line 1 column'],
        ),
        (
            b'{"instances": [{"image": [1], "image": [2]}]}',
            ['duplicate key "image" at line 1 column'],
        ),
        (
            b'{"instances": [1], "\\u0069nstances": [2]}',
            ['duplicate key "instances" at line 1 column'],
        ),
        (b'{"inputs": ' + b"[" * 5000 + b"]" * 5000 + b"}", ["must be JSON"]),
        (b'{"inputs": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}", ["nested"]),
    ],
)
def test_json_is_strict(server: Server, text: bytes, words: list[str]) -> None:
    assert_rejected(server.post("/v1/models/smoke:predict", data=text), 400, *words)


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/v1/models/other", 404, ["Servable not found for request: other", "smoke"]),
        ("GET", "/v1/models/smoke/versions/7", 404, ["version 7 of smoke", "versions: 1"]),
        ("GET", "/v1/models/smoke/labels/old", 404, ["label old of smoke", "stable"]),
        ("POST", "/v1/models/other:predict", 404, ["Servable not found"]),
        ("POST", "/v1/models/smoke/versions/7:predict", 404, ["version 7"]),
        ("POST", "/v2/models/other/infer", 404, ["Servable not found"]),
        ("POST", "/v1/models/smoke:classify", 400, ["no signature for :classify"]),
        ("POST", "/v1/models/smoke:regress", 400, [":regress"]),
        ("GET", "/v1/models/smoke:predict", 405, ["GET is not allowed", "use POST"]),
        ("DELETE", "/v2/models/smoke", 405, ["DELETE is not allowed", "use GET"]),
        ("GET", "/nowhere", 404, ["No such path", "/openapi.json"]),
        ("GET", "/page/../serve.py", 404, ["No such"]),
        ("GET", "/page/%2e%2e", 404, ["No such"]),
        ("GET", "/page/index.py", 404, ["No such file of the drawing page"]),
        ("GET", "/v1/models/..%2f..", 404, ["No such path"]),
        ("GET", "/v1/models/a%00b", 404, ["Servable not found"]),
        ("GET", "/v1/models/%FF", 404, ["Servable not found"]),
    ],
)
def test_unknown_paths_models_and_methods(
    server: Server, method: str, path: str, status: int, words: list[str]
) -> None:
    request = requests.Request(method, server.url).prepare()
    request.url = server.url + path  # set here, since requests would normalize it
    with requests.Session() as session:
        response = session.send(request, timeout=30)
    assert_rejected(response, status, *words)
    if status == 405:
        assert response.headers["Allow"] in {"GET", "POST"}


def test_invalid_pictures(server: Server) -> None:
    path = "/v1/models/smoke:classify-image"
    assert_rejected(
        server.post(path, data=b"not a picture"), 400, "PNG, JPEG, WebP, GIF", "the body"
    )
    assert_rejected(server.post(path), 400, "PNG, JPEG, WebP, GIF, BMP or TIFF picture", "nothing")


PACKED = gzip.compress(b'{"instances": []}')


@pytest.mark.parametrize(
    ("encoding", "body", "status", "words"),
    [
        ("br", b"x", 415, "Content-Encoding must be gzip or identity; got 'br'."),
        ("gzip", b"x" * 30, 400, "The body is not valid gzip, as Content-Encoding says"),
        ("gzip", PACKED[:-9], 400, "The gzip body is incomplete. Send all of it."),
        ("gzip", PACKED[:-4] + b"....", 400, "incorrect length check"),
        ("gzip", gzip.compress(b"") * 17, 400, "A gzip body must have at most 16 members"),
        ("gzip", gzip.compress(bytes(2**24 + 1)), 413, "The decompressed body must have at most"),
    ],
    ids=["unknown", "invalid", "incomplete", "altered", "members", "large"],  # bodies have the time
)
def test_invalid_compressed_bodies(
    server: Server, encoding: str, body: bytes, status: int, words: str
) -> None:
    headers = {"Content-Encoding": encoding}
    response = server.post("/v1/models/smoke:predict", data=body, headers=headers)
    assert_rejected(response, status, words)


def test_invalid_requests_are_not_server_errors(server: Server) -> None:
    """After all tests above, there was no response 500 and no traceback in the log."""
    server.predict({"instances": [image_with(256)]})
    assert 'status="500"' not in server.get("/metrics").text
    assert not [event for event in server.events() if "traceback" in event]
