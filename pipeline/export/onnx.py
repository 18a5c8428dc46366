"""The format ``onnx``: opset 18, names of the contract, the same bytes for the same weights."""

from pathlib import Path
from typing import Any

import keras
import onnx
import tf2onnx

from pipeline.export.contract import BATCH, Contract
from pipeline.export.serving import serving_function

OPSET = 18  # the newest that tf2onnx 1.17 writes


def write_onnx(model: keras.Model, contract: Contract, path: Path) -> None:
    """Write the model as one ONNX file."""
    serve = serving_function(model, contract)
    converted, _ = tf2onnx.convert.from_function(
        serve, input_signature=serve.input_signature, opset=OPSET
    )
    _name_batch_axis(converted)
    _number_names(converted.graph)
    converted.graph.doc_string = ""  # names the function by a counter
    onnx.checker.check_model(converted, full_check=True)
    path.write_bytes(converted.SerializeToString(deterministic=True))


def _name_batch_axis(model: Any) -> None:
    """tf2onnx calls a free axis ``unk__39``; the number is a counter's."""
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_param = BATCH
    del model.graph.value_info[:]  # holds the old names of the axis; runtimes infer it anew


def _number_names(graph: Any) -> None:
    """Name everything inside by its place: Keras and tf2onnx count while the process lives.

    Inputs and outputs of the graph keep the names of the contract.
    """
    names = {value.name: value.name for value in [*graph.input, *graph.output]}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for number, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{number}"
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
