"""Convert a model to an ONNX graph: opset 18, with the same bytes for the same weights."""

from importlib.metadata import version
from pathlib import Path

import keras
import onnx
import tf2onnx

from pipeline.artifacts.formats import FLOAT32
from pipeline.artifacts.model_contract import BATCH, Contract
from pipeline.export.signatures import serving_function

OPSET = 18  # the newest that tf2onnx 1.17 writes
PRODUCER = "dense-pipeline"


def convert(model: keras.Model, contract: Contract, metadata: dict[str, str]) -> onnx.ModelProto:
    """Return the model as an ``onnx.ModelProto`` with metadata."""
    serve = serving_function(model, contract)
    converted: onnx.ModelProto
    converted, _ = tf2onnx.convert.from_function(
        serve, input_signature=serve.input_signature, opset=OPSET
    )
    _name_batch_axis(converted)
    normalize(converted, metadata, FLOAT32)
    return converted


def normalize(model: onnx.ModelProto, metadata: dict[str, str], precision: str) -> None:
    """Set the metadata, and replace names that vary from run to run by their position."""
    _number_names(model.graph)
    del model.graph.value_info[:]  # refers to the old names; runtimes infer it again
    _keep_used_domains(model)
    model.graph.name = PRODUCER
    model.graph.doc_string = ""  # has a function name with a counter
    model.producer_name, model.producer_version = PRODUCER, version(PRODUCER)
    onnx.helper.set_model_props(model, {**metadata, "precision": precision})


def write_checked(model: onnx.ModelProto, path: Path) -> None:
    """Write a model after checking it with the ONNX checker."""
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _keep_used_domains(model: onnx.ModelProto) -> None:
    """Remove unused operator domains that converters declare: a runtime may not know them."""
    used = {node.domain for node in model.graph.node}
    entries = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(entries)


def _name_batch_axis(model: onnx.ModelProto) -> None:
    """Name the batch axis: tf2onnx calls a free axis ``unk__39``, with a counter."""
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_param = BATCH


def _number_names(graph: onnx.GraphProto) -> None:
    """Name nodes and tensors by position: Keras and tf2onnx use counters of the process.

    Inputs and outputs of the graph keep the names of the contract. The node that computes an output
    has the same name, since some runtimes (tract) name outputs by their nodes.
    """
    outputs = {value.name for value in graph.output}
    names = {value.name: value.name for value in [*graph.input, *graph.output]}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for number, node in enumerate(graph.node):
        node.name = next(iter(outputs.intersection(node.output)), f"{node.op_type}_{number}")
        for index, used in enumerate(node.input):
            if used in constants:
                names.setdefault(used, f"{node.name}_constant_{index}")
        for index, made in enumerate(node.output):
            names.setdefault(made, f"{node.name}_output_{index}")
        node.input[:] = [names[used] for used in node.input]
        node.output[:] = [names[made] for made in node.output]
    ordered = [tensor for name in names if (tensor := constants.get(name)) is not None]
    del graph.initializer[:]
    for tensor in ordered:
        tensor.name = names[tensor.name]
    graph.initializer.extend(ordered)
