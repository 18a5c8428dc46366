"""A model as an ONNX graph: opset 18, and the same bytes for the same weights."""

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
    """Return the model as an ``onnx.ModelProto`` that says what it is in its metadata."""
    serve = serving_function(model, contract)
    converted: onnx.ModelProto
    converted, _ = tf2onnx.convert.from_function(
        serve, input_signature=serve.input_signature, opset=OPSET
    )
    _name_batch_axis(converted)
    normalize(converted, metadata, FLOAT32)
    return converted


def normalize(model: onnx.ModelProto, metadata: dict[str, str], precision: str) -> None:
    """Give the model our metadata, and every name inside by its place: nothing that varies."""
    _number_names(model.graph)
    del model.graph.value_info[:]  # speaks of the old names; runtimes infer it anew
    _keep_used_domains(model)
    model.graph.name = PRODUCER
    model.graph.doc_string = ""  # names the function by a counter
    model.producer_name, model.producer_version = PRODUCER, version(PRODUCER)
    onnx.helper.set_model_props(model, {**metadata, "precision": precision})


def write_checked(model: onnx.ModelProto, path: Path) -> None:
    """Write a model that the checker of the standard finds nothing wrong with."""
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _keep_used_domains(model: onnx.ModelProto) -> None:
    """Converters declare operators of other makers too, which a runtime may not know."""
    used = {node.domain for node in model.graph.node}
    kept = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)


def _name_batch_axis(model: onnx.ModelProto) -> None:
    """tf2onnx calls a free axis ``unk__39``; the number is a counter's."""
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_param = BATCH


def _number_names(graph: onnx.GraphProto) -> None:
    """Name everything inside by its place: Keras and tf2onnx count while the process lives.

    Inputs and outputs of the graph keep the names of the contract; the node that gives an output
    is called like it, since some runtimes (tract) name outputs by their nodes.
    """
    outputs = {value.name for value in graph.output}
    names = {value.name: value.name for value in [*graph.input, *graph.output]}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for number, node in enumerate(graph.node):
        node.name = next(iter(outputs.intersection(node.output)), f"{node.op_type}_{number}")
        for place, used in enumerate(node.input):
            if used in constants:
                names.setdefault(used, f"{node.name}_constant_{place}")
        for place, made in enumerate(node.output):
            names.setdefault(made, f"{node.name}_output_{place}")
        node.input[:] = [names[used] for used in node.input]
        node.output[:] = [names[made] for made in node.output]
    ordered = [tensor for name in names if (tensor := constants.get(name)) is not None]
    del graph.initializer[:]
    for tensor in ordered:
        tensor.name = names[tensor.name]
    graph.initializer.extend(ordered)
