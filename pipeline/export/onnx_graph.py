"""Convert a model to an ONNX graph, with the same bytes for the same weights."""

from pathlib import Path

import keras
import onnx
import tf2onnx

from pipeline.artifacts.formats import FLOAT32
from pipeline.artifacts.model_contract import BATCH, Contract
from pipeline.export.onnx_dense import tidy
from pipeline.export.onnx_description import describe, doc_string
from pipeline.export.signatures import serving_function


def convert(
    model: keras.Model, contract: Contract, metadata: dict[str, str], opset: int
) -> onnx.ModelProto:
    """Return the model as an ``onnx.ModelProto`` of an opset, with metadata."""
    serve = serving_function(model, contract)
    converted: onnx.ModelProto
    converted, _ = tf2onnx.convert.from_function(
        serve, input_signature=serve.input_signature, opset=opset
    )
    _name_batch_axis(converted)
    _number_names(converted.graph, tidy(converted.graph, model.layers))
    _declare(converted, opset)
    describe(converted, metadata, FLOAT32, doc_string(contract, metadata))
    return converted


def finish_copy(
    copy: onnx.ModelProto, original: onnx.ModelProto, metadata: dict[str, str], precision: str
) -> None:
    """Describe a copy in lower precision as its original; its names come from those of it."""
    [standard] = original.opset_import
    _declare(copy, standard.version)
    _name_output_node(copy.graph)
    describe(copy, metadata, precision, original.doc_string)


def write_checked(model: onnx.ModelProto, path: Path) -> None:
    """Write a model after checking it with the ONNX checker."""
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _declare(model: onnx.ModelProto, opset: int) -> None:
    """Declare the standard operators alone, and the oldest format of files that has the opset.

    Converters declare unused domains, which a runtime may not know.
    """
    del model.opset_import[:]
    model.opset_import.append(onnx.helper.make_opsetid("", opset))
    model.ir_version = onnx.helper.find_min_ir_version_for(model.opset_import)


def _name_batch_axis(model: onnx.ModelProto) -> None:
    """Name the batch axis: tf2onnx calls a free axis ``unk__39``, with a counter."""
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_param = BATCH


def _number_names(graph: onnx.GraphProto, named: set[str]) -> None:
    """Name nodes and tensors by position: Keras and tf2onnx use counters of the process.

    Inputs and outputs of the graph keep the names of the contract, constants in ``named`` theirs.
    """
    kept = {"", *named, *(value.name for value in [*graph.input, *graph.output])}
    names = {name: name for name in kept}  # an input of a node that is left out has the name ""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    ordered = []
    for number, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{number}"
        for index, used in enumerate(node.input):
            if used in constants:
                names.setdefault(used, f"{node.name}_constant_{index}")
                ordered.append(constants.pop(used))
        for index, made in enumerate(node.output):
            names.setdefault(made, f"{node.name}_output_{index}")
        node.input[:] = [names[used] for used in node.input]
        node.output[:] = [names[made] for made in node.output]
    for tensor in ordered:
        tensor.name = names[tensor.name]
    del graph.initializer[:]
    graph.initializer.extend(ordered)
    _name_output_node(graph)


def _name_output_node(graph: onnx.GraphProto) -> None:
    """Name the node that computes an output like it, since some runtimes (tract) name outputs so.

    A node that computed it before a cast or a quantization was added has another name then.
    """
    outputs = {value.name for value in graph.output}
    for node in graph.node:
        made = outputs.intersection(node.output)
        node.name = next(iter(made), f"{node.name}_exact" if node.name in outputs else node.name)
