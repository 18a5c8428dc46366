"""The messages of the V2 gRPC protocol, built from a table.

Source of names and numbers: Open Inference Protocol, ``open_inference_grpc.proto``. Built here,
they need no generated code that fits one release of protobuf; a test compares them with a client's.
"""

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "inference"
SERVICE = f"{PACKAGE}.GRPCInferenceService"
METHODS = (
    "ServerLive",
    "ServerReady",
    "ModelReady",
    "ServerMetadata",
    "ModelMetadata",
    "ModelInfer",
    "RepositoryIndex",
)

# Each field: name, type, number; * repeated, % a map from text, / one of a choice.
_MESSAGES = {
    "ServerLiveRequest": "",
    "ServerLiveResponse": "live bool 1",
    "ServerReadyRequest": "",
    "ServerReadyResponse": "ready bool 1",
    "ModelReadyRequest": "name string 1, version string 2",
    "ModelReadyResponse": "ready bool 1",
    "ServerMetadataRequest": "",
    "ServerMetadataResponse": "name string 1, version string 2, extensions *string 3",
    "ModelMetadataRequest": "name string 1, version string 2",
    "ModelMetadataResponse": (
        "name string 1, versions *string 2, platform string 3, "
        "inputs *ModelMetadataResponse.TensorMetadata 4, "
        "outputs *ModelMetadataResponse.TensorMetadata 5"
    ),
    "ModelMetadataResponse.TensorMetadata": "name string 1, datatype string 2, shape *int64 3",
    "InferParameter": (
        "bool_param /bool 1, int64_param /int64 2, string_param /string 3, "
        "double_param /double 4, uint64_param /uint64 5"
    ),
    "InferTensorContents": (
        "bool_contents *bool 1, int_contents *int32 2, int64_contents *int64 3, "
        "uint_contents *uint32 4, uint64_contents *uint64 5, fp32_contents *float 6, "
        "fp64_contents *double 7, bytes_contents *bytes 8"
    ),
    "ModelInferRequest": (
        "model_name string 1, model_version string 2, id string 3, "
        "parameters %InferParameter 4, inputs *ModelInferRequest.InferInputTensor 5, "
        "outputs *ModelInferRequest.InferRequestedOutputTensor 6, raw_input_contents *bytes 7"
    ),
    "ModelInferRequest.InferInputTensor": (
        "name string 1, datatype string 2, shape *int64 3, parameters %InferParameter 4, "
        "contents InferTensorContents 5"
    ),
    "ModelInferRequest.InferRequestedOutputTensor": "name string 1, parameters %InferParameter 2",
    "ModelInferResponse": (
        "model_name string 1, model_version string 2, id string 3, "
        "parameters %InferParameter 4, outputs *ModelInferResponse.InferOutputTensor 5, "
        "raw_output_contents *bytes 6"
    ),
    "ModelInferResponse.InferOutputTensor": (
        "name string 1, datatype string 2, shape *int64 3, parameters %InferParameter 4, "
        "contents InferTensorContents 5"
    ),
    "RepositoryIndexRequest": "repository_name string 1, ready bool 2",
    "RepositoryIndexResponse": "models *RepositoryIndexResponse.ModelIndex 1",
    "RepositoryIndexResponse.ModelIndex": (
        "name string 1, version string 2, state string 3, reason string 4"
    ),
}
_Field = descriptor_pb2.FieldDescriptorProto


@cache
def message(name: str) -> Any:
    """Return a message class by name."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{PACKAGE}.{name}"))


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    """A pool of our own: a client in the same process brings messages of the same names."""
    file = descriptor_pb2.FileDescriptorProto(
        name="open_inference.proto", package=PACKAGE, syntax="proto3"
    )
    made: dict[str, Any] = {}
    for name, fields in _MESSAGES.items():
        outer, _, inner = name.rpartition(".")
        place = made[outer].nested_type if outer else file.message_type
        made[name] = place.add(name=inner)
        for field in filter(None, fields.split(", ")):
            _add_field(made[name], name, *field.split())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _add_field(message: Any, full_name: str, name: str, kind: str, number: str) -> None:
    mark = kind[0] if kind[0] in "*%/" else ""
    kind = kind.removeprefix(mark)
    repeated = mark in {"*", "%"}
    field = message.field.add(
        name=name,
        number=int(number),
        label=_Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL,
    )
    if mark == "%":
        entry = f"{name.title()}Entry"
        pair = message.nested_type.add(name=entry)
        pair.options.map_entry = True
        _add_field(pair, full_name, "key", "string", "1")
        _add_field(pair, full_name, "value", kind, "2")
        kind = f"{full_name}.{entry}"
    if mark == "/":
        if not message.oneof_decl:
            message.oneof_decl.add(name="parameter_choice")
        field.oneof_index = 0
    if kind[0].isupper():
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
    else:
        field.type = getattr(_Field, f"TYPE_{kind.upper()}")
