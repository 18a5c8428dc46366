"""Existing clients get the Keras model's predictions with their default settings.

Each is a script in ``tests/clients``, run in a separate environment since clients pin old packages.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, json_format

from pipeline.serving.grpc.messages import METHODS, SERVICE, message
from pipeline.verification.comparing import Reference
from pipeline.verification.tolerances import FLOAT32_TOLERANCE
from tests.support.paths import PROJECT
from tests.support.servers import Server
from tests.support.single_output import OUTPUTS

SCRIPTS = PROJECT / "tests" / "clients"
PYTHON = PROJECT / ".venv-clients" / "bin" / "python"
pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(not PYTHON.exists(), reason="made by `make test`: .venv-clients"),
]
NUM_IMAGES = 1 + 2 + 32 + 256 + 64  # in batches, and one by one from eight threads

# The number of request variants in each script.
VARIANTS = {
    "tensorflow_rest": 4,
    "kserve_rest": 4,
    "kserve_grpc": 2,
    "triton_http": 5,
    "triton_grpc": 3,
}


def run(script: str, *arguments: object, python: Path = PYTHON) -> str:
    done = subprocess.run(
        [python, SCRIPTS / f"{script}.py", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("script", VARIANTS)
def test_every_request_variant_matches_keras(
    server: Server, reference: Reference, tmp_path: Path, script: str
) -> None:
    assert_predictions_match(server, "smoke", reference, tmp_path, script)


@pytest.mark.parametrize("script", VARIANTS)
@pytest.mark.parametrize("model", OUTPUTS)
def test_models_with_one_output_match_keras(
    single_output_server: Server,
    single_references: dict[str, Reference],
    tmp_path: Path,
    model: str,
    script: str,
) -> None:
    [output] = single_references[model].contract.outputs
    assert (output.name, output.shape) == (OUTPUTS[model], (None, 1))
    assert_predictions_match(
        single_output_server, model, single_references[model], tmp_path, script
    )


def assert_predictions_match(
    server: Server,
    model: str,
    reference: Reference,
    folder: Path,
    script: str,
    *,
    python: Path = PYTHON,
    variants: int | None = None,
) -> None:
    images, predictions = folder / "images.npy", folder / "predictions.npy"
    np.save(images, np.load(reference.images)[:NUM_IMAGES])
    [output] = reference.contract.outputs
    units = output.shape[-1]
    arguments = (address(server, script), model, output.name, units, images, predictions)
    run(script, *arguments, python=python)
    got = np.load(predictions)
    variants = variants or VARIANTS[script]
    assert (got.dtype, got.shape) == (np.float32, (variants, NUM_IMAGES, units))
    expected = np.broadcast_to(reference.probabilities[:NUM_IMAGES], got.shape)
    tolerance = reference.task.tolerance(FLOAT32_TOLERANCE, reference.probabilities)
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance)


def address(server: Server, script: str) -> str:
    """Return the server's address in the form that a client expects."""
    if script.endswith("_grpc"):
        assert server.grpc
        return server.grpc
    return server.url.removeprefix("http://") if script == "triton_http" else server.url


@pytest.fixture(scope="module")
def tritonclient_messages() -> list[dict[str, Any]]:
    """tritonclient's service and messages, as FileDescriptorProtos."""
    documents: list[dict[str, Any]] = json.loads(run("descriptors"))
    return documents


@pytest.mark.process
def test_messages_match_those_of_tritonclient(tritonclient_messages: list[dict[str, Any]]) -> None:
    file = descriptor_pb2.FileDescriptorProto()
    message("ModelInferRequest").DESCRIPTOR.file.CopyToProto(file)
    document = json_format.MessageToDict(file)
    ours = dict(_messages(document["messageType"]))
    known = dict(_messages([m for found in tritonclient_messages for m in found["messageType"]]))
    assert ours == {
        name: {field: known[name][field] for field in fields} for name, fields in ours.items()
    }
    assert "ModelInferRequest.InferInputTensor.ParametersEntry" in ours
    [data_types] = document["enumType"]
    [other] = [
        enum
        for found in tritonclient_messages
        for enum in found.get("enumType", [])
        if enum["name"] == data_types["name"]
    ]
    assert all(value in other["value"] for value in data_types["value"])


@pytest.mark.process
def test_methods_match_those_of_tritonclient(tritonclient_messages: list[dict[str, Any]]) -> None:
    file = tritonclient_messages[0]
    [service] = file["service"]
    calls = {call["name"]: (call["inputType"], call["outputType"]) for call in service["method"]}
    assert f"{file['package']}.{service['name']}" == "inference.GRPCInferenceService"
    for name in [name for name, method in METHODS.items() if method.service == SERVICE]:
        assert calls[name] == (f".inference.{name}Request", f".inference.{name}Response")


def _messages(found: list[dict[str, Any]], outer: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each message by name, with the number, type and so on of its fields."""
    for each in found:
        name = outer + each["name"]
        fields = {field["name"]: field for field in each.get("field", [])}
        for field in fields.values():
            field.pop("jsonName", None)
            field.pop("oneofIndex", None)  # we leave out other choices
        yield name, fields
        yield from _messages(each.get("nestedType", []), f"{name}.")
