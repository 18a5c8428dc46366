"""TensorFlow Serving's own gRPC client, in the environment with TensorFlow, which it needs."""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pool

from pipeline.serving.grpc.messages import METHODS, SERVICE, message
from pipeline.verification.comparing import Reference
from tests.serving.test_clients import assert_predictions_match
from tests.support.servers import Server
from tests.support.single_output import OUTPUTS

SCRIPT, VARIANTS = "tensorflow_grpc", 4
# Messages that are the same on the wire under another name.
OTHER_NAMES = {
    "tensorflow.serving.Version": "google.protobuf.Int64Value",
    "tensorflow.serving.Metadata": "google.protobuf.Any",
    "tensorflow.serving.ErrorCode": "tensorflow.error.Code",
}
pytestmark = [
    pytest.mark.server,
    pytest.mark.tensorflow,
    pytest.mark.skipif(
        find_spec("tensorflow_serving") is None,
        reason="made by `make test`: tensorflow-serving-api in .venv",
    ),
]


def test_every_request_variant_matches_keras(
    server: Server, reference: Reference, tmp_path: Path
) -> None:
    assert_predictions_match(
        server,
        "smoke",
        reference,
        tmp_path,
        SCRIPT,
        python=Path(sys.executable),
        variants=VARIANTS,
    )


@pytest.mark.parametrize("model", OUTPUTS)
def test_models_with_one_output_match_keras(
    single_output_server: Server,
    single_references: dict[str, Reference],
    tmp_path: Path,
    model: str,
) -> None:
    assert_predictions_match(
        single_output_server,
        model,
        single_references[model],
        tmp_path,
        SCRIPT,
        python=Path(sys.executable),
        variants=VARIANTS,
    )


def test_messages_match_those_of_the_client() -> None:
    pool = known_messages()
    names = []
    for each in our_messages():
        known = pool.FindMessageTypeByName(OTHER_NAMES.get(each.full_name, each.full_name))
        found = {field.name: field for field in known.fields}
        for field in each.fields:
            names.append(f"{each.full_name}.{field.name}")
            assert described(field) == described(found[field.name]), names[-1]
            assert values(field) <= values(found[field.name])
    assert len(names) > 50
    assert "tensorflow.serving.PredictRequest.InputsEntry.value" in names


def test_methods_match_those_of_the_client() -> None:
    pool = known_messages()
    compared = [(name, method) for name, method in METHODS.items() if method.service != SERVICE]
    assert len(compared) == 4
    for name, method in compared:
        known = pool.FindServiceByName(method.service).methods_by_name[name]
        assert method.request.DESCRIPTOR.full_name == known.input_type.full_name
        assert method.response.DESCRIPTOR.full_name == known.output_type.full_name


def known_messages() -> descriptor_pool.DescriptorPool:
    """The messages that the client's modules have registered."""
    from tensorflow_serving.apis import (  # noqa: F401
        get_model_metadata_pb2,
        model_service_pb2,
        prediction_service_pb2,
    )

    return descriptor_pool.Default()


def our_messages() -> Iterator[Any]:
    for name, package in (("ModelSpec", "tensorflow.serving"), ("TensorProto", "tensorflow")):
        for each in message(name, package).DESCRIPTOR.file.message_types_by_name.values():
            yield from with_nested(each)


def with_nested(descriptor: Any) -> Iterator[Any]:
    yield descriptor
    for each in descriptor.nested_types:
        yield from with_nested(each)


def values(field: Any) -> set[tuple[str, int]]:
    """The names and numbers of an enum; others have none."""
    return (
        {(value.name, value.number) for value in field.enum_type.values}
        if field.enum_type
        else set()
    )


def described(field: Any) -> tuple[Any, ...]:
    kind = field.message_type or field.enum_type
    name = kind and OTHER_NAMES.get(kind.full_name, kind.full_name)
    return (field.number, field.type, field.is_repeated, name, field.containing_oneof is not None)
