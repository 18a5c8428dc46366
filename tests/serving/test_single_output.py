"""Models with one output unit, a probability or a value, over both protocols and for pictures."""

import io
import json
import math
import shutil
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from PIL import Image

from pipeline import predict
from pipeline.serving.settings import DRIFT_WINDOW, Limits
from pipeline.serving.versions import open_version
from pipeline.verification.comparing import Reference
from pipeline.verification.tolerances import FLOAT32_TOLERANCE
from tests.support.grpc_client import call, channel_to, infer_request
from tests.support.servers import Server
from tests.support.single_output import DIGIT_VALUE, OUTPUTS, PARITY

pytestmark = [pytest.mark.server, pytest.mark.parametrize("model", OUTPUTS)]
References = dict[str, Reference]
TEN_CLASSES = "probabilities"  # the output that a client of a multiclass model requests


def png(image: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image.squeeze()).save(file, "PNG")
    return file.getvalue()


def classify(server: Server, model: str, picture: bytes) -> dict[str, Any]:
    response = server.post(f"/v1/models/{model}:classify-image", data=picture)
    assert response.status_code == 200, response.text
    document: dict[str, Any] = response.json()
    return document


def v2(images: Any, **extra: Any) -> dict[str, Any]:
    tensor = {"name": "image", "datatype": "UINT8", "shape": list(images.shape)}
    return {"inputs": [{**tensor, "data": images.ravel().tolist()}], **extra}


@pytest.mark.parametrize("keys", [("instances", "predictions"), ("inputs", "outputs")])
def test_each_image_gets_a_list_of_one_number(
    single_output_server: Server, single_references: References, model: str, keys: Any
) -> None:
    reference, (request_key, response_key) = single_references[model], keys
    images = np.load(reference.images)[:5]
    response = single_output_server.predict({request_key: images.tolist()}, model).json()
    got = np.asarray(response[response_key])
    tolerance = reference.task.tolerance(FLOAT32_TOLERANCE, reference.probabilities)
    assert got.shape == (5, 1)
    np.testing.assert_allclose(got, reference.probabilities[:5], rtol=0, atol=tolerance)


def test_metadata_has_the_name_and_shape_of_the_output(
    single_output_server: Server, model: str
) -> None:
    found = single_output_server.get(f"/v2/models/{model}").json()
    assert found["outputs"] == [{"name": OUTPUTS[model], "datatype": "FP32", "shape": [-1, 1]}]
    found = single_output_server.get(f"/v1/models/{model}/metadata").json()
    signature = found["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert list(signature["outputs"]) == [OUTPUTS[model]]


def test_status_describes_the_task(single_output_server: Server, model: str) -> None:
    task = single_output_server.get(f"/v1/models/{model}").json()["task"]
    assert (
        task
        == {
            PARITY: {"name": "binary", "class_names": ["even", "odd"], "range": None},
            DIGIT_VALUE: {"name": "regression", "class_names": [], "range": [0, 9]},
        }[model]
    )


def test_test_set_has_no_drift(
    single_output_server: Server, single_references: References, model: str
) -> None:
    """Both models have deciles of the intensity; only classes have a confidence.

    The test set fills the window, so that it has none of the images that other tests send.
    """
    images = np.load(single_references[model].images)
    for _ in range(math.ceil(DRIFT_WINDOW / len(images))):
        for first in range(0, len(images), 50):
            body = v2(images[first : first + 50])
            assert single_output_server.post(f"/v2/models/{model}/infer", json=body).ok
    status = single_output_server.get(f"/v1/models/{model}").json()
    drift = status["versions"]["1"]["drift"]
    measures = {PARITY: ["answer", "confidence", "intensity"], DIGIT_VALUE: ["answer", "intensity"]}
    assert list(drift) == ["window", *measures[model]]
    assert drift.pop("window") == DRIFT_WINDOW
    assert max(drift.values()) < 0.01


def test_client_that_expects_ten_classes_learns_name_and_shape(
    single_output_server: Server, single_references: References, model: str
) -> None:
    image = np.load(single_references[model].images)[:1]
    task = single_references[model].task.name
    expected = (
        f"unexpected inference output '{TEN_CLASSES}' for model {model}, whose task is {task}; "
        f"expected '{OUTPUTS[model]}', FP32 of shape [batch, 1]."
    )
    body = v2(image, outputs=[{"name": TEN_CLASSES}])
    response = single_output_server.post(f"/v2/models/{model}/infer", json=body)
    assert (response.status_code, response.json()) == (400, {"error": expected})
    request = infer_request(model_name=model, outputs=[{"name": TEN_CLASSES}])
    with channel_to(single_output_server) as channel, pytest.raises(grpc.RpcError) as caught:
        call(channel, "ModelInfer", **request)
    assert caught.value.details() == expected


def test_openapi_document_lists_the_outputs(single_output_server: Server, model: str) -> None:
    document = single_output_server.get("/openapi.json").json()
    body = document["paths"]["/v2/models/{name}/infer"]["post"]["requestBody"]
    schemas = body["content"]["application/json"]["schema"]["anyOf"]
    outputs = [schema["properties"]["outputs"]["items"]["properties"] for schema in schemas]
    assert sorted(each["name"]["const"] for each in outputs) == sorted(OUTPUTS.values())
    assert OUTPUTS[model] in json.dumps(body)


def test_openapi_document_describes_the_response_to_a_picture(
    single_output_server: Server, single_references: References, model: str
) -> None:
    document = single_output_server.get("/openapi.json").json()
    route = document["paths"]["/v1/models/{name}:classify-image"]["post"]
    schema = route["responses"]["200"]["content"]["application/json"]["schema"]
    picture = png(np.load(single_references[model].images)[0])
    found = set(classify(single_output_server, model, picture))
    assert [found - {"digits"} == set(kind["required"]) for kind in schema["anyOf"]].count(
        True
    ) == 1


def test_picture_gets_the_prediction_of_the_command_line(
    single_output_server: Server,
    single_output: Path,
    single_references: References,
    tmp_path: Path,
    model: str,
) -> None:
    images = np.load(single_references[model].images)[:20]
    files = [tmp_path / f"{index}.png" for index in range(len(images))]
    for file, image in zip(files, images, strict=True):
        file.write_bytes(png(image))
    for file, expected in zip(files, predict(model, files, workspace=single_output), strict=True):
        got = classify(single_output_server, model, file.read_bytes())
        assert (got["model"], got["version"]) == (model, "1")
        if model == PARITY:
            assert_binary(got, expected.probabilities)
            assert got["top"][0]["label"] == expected.label
        else:
            assert_value(got, expected.value)


SHOWN = {"unsure", "reason", "digits", "canonical"}


def assert_binary(got: dict[str, Any], probabilities: dict[str, float]) -> None:
    assert set(got) == {"model", "version", "top", "probabilities", *SHOWN}
    assert got["probabilities"] == pytest.approx(probabilities, abs=1e-5)
    assert list(got["probabilities"]) == ["even", "odd"]
    likelier, other = got["top"]
    assert likelier["probability"] >= 0.5 >= other["probability"]
    assert got["unsure"] == (likelier["probability"] < 0.9)


def assert_value(got: dict[str, Any], value: float | None) -> None:
    assert set(got) == {"model", "version", "value", "range", *SHOWN}
    assert got["value"] == pytest.approx(value, abs=1e-4)
    assert (got["range"], got["unsure"]) == ([0, 9], False)


def test_empty_picture_is_unsure(single_output_server: Server, model: str) -> None:
    assert classify(single_output_server, model, png(np.zeros((28, 28), np.uint8)))["unsure"]


@pytest.mark.parametrize(
    ("target", "found"), [("value", (0, 9)), ("scaled_value", (0, 1)), ("height", None)]
)
def test_range_of_the_labels_follows_from_the_target(
    single_output: Path, tmp_path: Path, model: str, target: str, found: Any
) -> None:
    folder = tmp_path / model / "1"
    shutil.copytree(single_output / "exported" / model / "1", folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "target": target}))
    assert open_version(folder, model, Limits()).value_range == found
