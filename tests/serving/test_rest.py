"""Both protocols over HTTP, compared with the trained model's predictions value by value."""

import base64
import gzip
import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.verification.comparing import Reference
from pipeline.verification.tolerances import FLOAT32_TOLERANCE
from tests.support.servers import Server

pytestmark = pytest.mark.server

BATCHES = [1, 2, 15, 16, 17, 64, 256]


def assert_close(got: Any, expected: Any) -> None:
    got = np.asarray(got, np.float32)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=0, atol=FLOAT32_TOLERANCE)


@pytest.fixture(scope="module")
def images(reference: Reference) -> Any:
    return np.load(reference.images)


@pytest.mark.parametrize("count", BATCHES)
@pytest.mark.parametrize(
    ("keys", "named"),
    [
        (("instances", "predictions"), False),
        (("instances", "predictions"), True),
        (("inputs", "outputs"), False),
        (("inputs", "outputs"), True),
    ],
)
def test_predict_in_row_and_column_format(
    server: Server,
    images: Any,
    reference: Reference,
    count: int,
    keys: tuple[str, str],
    named: bool,
) -> None:
    request_key, response_key = keys
    tensor = images[:count].tolist()
    if named:
        tensor = [{"image": i} for i in tensor] if request_key == "instances" else {"image": tensor}
    response = server.predict({"signature_name": "serving_default", request_key: tensor})
    assert response.status_code == 200
    assert list(response.json()) == [response_key]
    assert_close(response.json()[response_key], reference.probabilities[:count])


def as_files(images: Any, form: str = "PNG") -> list[dict[str, str]]:
    found = []
    for image in images:
        file = io.BytesIO()
        Image.fromarray(image[..., 0]).save(file, form, quality=100)
        found.append({"b64": base64.b64encode(file.getvalue()).decode()})
    return found


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("verb", ["predict", "explain"])
def test_image_files_as_serving_encoded(
    server: Server, images: Any, reference: Reference, named: bool, verb: str
) -> None:
    files = as_files(images[:17])
    rows = [{"image_bytes": file} for file in files] if named else files
    columns = {"image_bytes": files} if named else files
    for document, key in (({"instances": rows}, "predictions"), ({"inputs": columns}, "outputs")):
        body = {"signature_name": "serving_encoded", **document}
        response = server.post(f"/v1/models/smoke:{verb}", json=body)
        assert response.status_code == 200, response.text
        assert_close(response.json()[key], reference.probabilities[:17])
    body["inputs"] = as_files(images[:17], "JPEG")
    got = server.predict(body).json()["outputs"]
    np.testing.assert_allclose(got, reference.probabilities[:17], rtol=0, atol=0.05)


def test_metadata_lists_the_signatures(server: Server) -> None:
    metadata = server.get("/v1/models/smoke/metadata").json()["metadata"]
    signatures = metadata["signature_def"]["signature_def"]
    assert list(signatures) == ["serving_default", "serving_encoded"]
    assert signatures["serving_encoded"]["inputs"]["image_bytes"]["dtype"] == "DT_STRING"


def v2(images: Any, **extra: Any) -> dict[str, Any]:
    tensor = {"name": "image", "datatype": "UINT8", "shape": list(images.shape)}
    return {"inputs": [{**tensor, "data": images.ravel().tolist()}], **extra}


@pytest.mark.parametrize("count", BATCHES)
@pytest.mark.parametrize("nested", [False, True])
def test_infer_with_json(
    server: Server, images: Any, reference: Reference, count: int, nested: bool
) -> None:
    body = v2(images[:count], id="mine")
    if nested:
        body["inputs"][0]["data"] = images[:count].tolist()
    response = server.post("/v2/models/smoke/infer", json=body).json()
    [output] = response["outputs"]
    assert (response["model_name"], response["model_version"], response["id"]) == (
        "smoke",
        "1",
        "mine",
    )
    assert (output["name"], output["datatype"]) == ("probabilities", "FP32")
    assert_close(np.reshape(output["data"], output["shape"]), reference.probabilities[:count])


def binary(images: Any, **parameters: Any) -> tuple[bytes, dict[str, str]]:
    raw = images.tobytes()
    body = v2(images, **parameters)
    del body["inputs"][0]["data"]
    body["inputs"][0]["parameters"] = {"binary_data_size": len(raw)}
    text = json.dumps(body).encode()
    return text + raw, {"Inference-Header-Content-Length": str(len(text))}


@pytest.mark.parametrize("count", BATCHES)
@pytest.mark.parametrize(
    ("options", "is_binary"),
    [
        ({}, False),
        ({"parameters": {"binary_data_output": True}}, True),
        ({"outputs": [{"name": "probabilities", "parameters": {"binary_data": True}}]}, True),
        (
            {
                "parameters": {"binary_data_output": True},
                "outputs": [{"name": "probabilities", "parameters": {"binary_data": False}}],
            },
            False,
        ),
    ],
)
def test_infer_with_binary_tensors(
    server: Server, images: Any, reference: Reference, count: int, options: Any, is_binary: bool
) -> None:
    body, headers = binary(images[:count], **options)
    response = server.post("/v2/models/smoke/infer", data=body, headers=headers)
    assert response.status_code == 200, response.text
    expected = reference.probabilities[:count]
    length = response.headers.get("Inference-Header-Content-Length")
    assert (length is not None) == is_binary
    if length is None:
        assert_close(np.reshape(response.json()["outputs"][0]["data"], expected.shape), expected)
        return
    text, raw = response.content[: int(length)], response.content[int(length) :]
    [output] = json.loads(text)["outputs"]
    assert output["parameters"]["binary_data_size"] == len(raw)
    assert_close(np.frombuffer(raw, "<f4").reshape(output["shape"]), expected)


@pytest.mark.parametrize("members", [1, 2])
def test_compressed_body(server: Server, members: int) -> None:
    body = json.dumps({"instances": [[[[7]] * 28] * 28]}).encode()
    half = len(body) // members
    packed = b"".join(gzip.compress(body[i : i + half + 1]) for i in range(0, len(body), half + 1))
    headers = {"Content-Encoding": "gzip"}
    response = server.post("/v1/models/smoke:predict", data=packed, headers=headers)
    assert response.json() == server.post("/v1/models/smoke:predict", data=body).json()
    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/v1/models/smoke", "/v2", "/v2/models/smoke/versions/1"])
def test_trailing_slash_is_ignored(server: Server, path: str) -> None:
    response = server.get(f"{path}/")
    assert (response.status_code, response.json()) == (200, server.get(path).json())
    assert server.get(f"{path}//").status_code == 404


def test_concurrent_requests_get_their_own_predictions(
    server: Server, images: Any, reference: Reference
) -> None:
    def predict_one(index: int) -> Any:
        count = 1 + index % 3
        return server.predict({"instances": images[index : index + count].tolist()}).json()

    with ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(predict_one, range(300)))
    for index, response in enumerate(responses):
        expected = reference.probabilities[index : index + 1 + index % 3]
        assert_close(response["predictions"], expected)


@pytest.mark.parametrize(
    "path", ["/v1/models/smoke", "/v1/models/smoke/versions/1", "/v1/models/smoke/labels/stable"]
)
def test_status_satisfies_tensorflow_serving_and_kserve(server: Server, path: str) -> None:
    status = server.get(path).json()
    assert status["model_version_status"] == [
        {
            "version": "1",
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
    ]
    assert (status["name"], status["ready"], status["default_version"]) == ("smoke", True, "1")
    assert status["labels"] == {"stable": "1"}


def test_metadata_of_tensorflow_serving(server: Server) -> None:
    document = server.get("/v1/models/smoke/metadata").json()
    assert document["model_spec"] == {"name": "smoke", "signature_name": "", "version": "1"}
    signature = document["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["inputs"]["image"]["dtype"] == "DT_UINT8"
    sizes = signature["inputs"]["image"]["tensor_shape"]["dim"]
    assert [size["size"] for size in sizes] == ["-1", "28", "28", "1"]
    assert signature["outputs"]["probabilities"]["dtype"] == "DT_FLOAT"
    assert signature["method_name"] == "tensorflow/serving/predict"


def test_metadata_of_v2(server: Server) -> None:
    assert server.get("/v2/models/smoke").json() == {
        "name": "smoke",
        "versions": ["1"],
        "platform": "onnx_onnxv1",
        "inputs": [{"name": "image", "datatype": "UINT8", "shape": [-1, 28, 28, 1]}],
        "outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]}],
    }
    assert "binary_tensor_data" in server.get("/v2").json()["extensions"]
    assert server.get("/v2/models/smoke/versions/1/ready").json() == {
        "name": "smoke",
        "ready": True,
    }
    [row] = server.post("/v2/repository/index").json()
    assert row == {"name": "smoke", "version": "1", "state": "READY", "reason": ""}


def test_models_and_health(server: Server) -> None:
    assert server.get("/v1/models").json() == {"models": ["smoke"]}
    assert server.get("/v2/health/live").json() == {"live": True}
    assert server.get("/v2/health/ready").json() == {"ready": True, "live": True}


def test_routes_ignore_case_as_in_tensorflow_serving(server: Server, images: Any) -> None:
    response = server.post("/V1/Models/smoke:Predict", json={"instances": images[:1].tolist()})
    assert response.status_code == 200


@pytest.mark.parametrize("where", ["versions/1", "labels/stable"])
def test_versions_and_labels(server: Server, images: Any, reference: Reference, where: str) -> None:
    body = {"instances": images[:1].tolist()}
    response = server.post(f"/v1/models/smoke/{where}:predict", json=body)
    assert_close(response.json()["predictions"], reference.probabilities[:1])


def test_head_has_no_body(server: Server) -> None:
    import requests

    response = requests.head(server.url + "/v1/models", timeout=30)
    assert (response.status_code, response.content) == (200, b"")
    assert server.get("/v1/models").status_code == 200


def test_server_timing_lists_every_step(server: Server, images: Any) -> None:
    response = server.predict({"instances": images[:1].tolist()})
    steps = [part.split(";")[0] for part in response.headers["Server-Timing"].split(", ")]
    assert steps == ["parse", "queue", "infer", "serialize"]


def test_request_id_is_echoed_or_generated(server: Server) -> None:
    given = server.get("/v1/models", headers={"X-Request-ID": "abc-1"})
    assert given.headers["X-Request-ID"] == "abc-1"
    ids = {server.get("/v1/models").headers["X-Request-ID"] for _ in range(3)}
    assert len(ids) == 3
    hostile = server.get("/v1/models", headers={"X-Request-ID": "a b\tc" * 50})
    assert "\t" not in hostile.headers["X-Request-ID"]
