"""What an ONNX file says about itself: task, input and output, metadata, version, shapes."""

from importlib.metadata import version

import onnx

from pipeline.artifacts.model_contract import BATCH, Contract

PRODUCER = "dense-pipeline"
_VERSION_DIGITS = 13  # hexadecimal: 52 bits, which JavaScript represents exactly too
_FLOAT_TYPES = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)
_MATRIX = 2  # its rank


def describe(model: onnx.ModelProto, metadata: dict[str, str], precision: str, text: str) -> None:
    """Set the metadata of a model, its doc string ``text``, its version, and all shapes.

    The version is the beginning of the fingerprint of the training, as a number.
    """
    model.graph.name = PRODUCER
    model.graph.doc_string = ""  # has a function name with a counter
    model.doc_string = text
    model.producer_name, model.producer_version = PRODUCER, version(PRODUCER)
    model.model_version = int(metadata.get("fingerprint", "0")[:_VERSION_DIGITS], 16)
    onnx.helper.set_model_props(model, {**metadata, "precision": precision})
    _infer_shapes(model)


def doc_string(contract: Contract, metadata: dict[str, str]) -> str:
    """Return what the model computes, and from which input, in sentences."""
    [image], [output] = contract.inputs, contract.outputs
    texts = {"task": "for the task", "data_set": "trained on the data set"}
    known = [f" {text} {metadata[key]}" for key, text in texts.items() if key in metadata]
    return (
        f"A dense network{''.join(known)}. Input {image}, raw bytes from 0 to 255; scaling them is "
        f"part of the model. Output {output}."
    )


def _infer_shapes(model: onnx.ModelProto) -> None:
    """Write the type and the shape of each value between the nodes into the graph.

    ONNX does not know that the free axis before and after a Reshape is the same.
    """
    del model.graph.value_info[:]  # of a conversion, with other names
    model.CopyFrom(onnx.shape_inference.infer_shapes(model, strict_mode=True))
    names = _names_of_rows(model.graph)
    for value in model.graph.value_info:
        tensor = value.type.tensor_type
        sizes = tensor.shape.dim
        is_batch = tensor.elem_type in _FLOAT_TYPES and len(sizes) >= _MATRIX
        if is_batch and not sizes[0].HasField("dim_value"):
            sizes[0].dim_param = names.get(value.name, BATCH)


def _names_of_rows(graph: onnx.GraphProto) -> dict[str, str]:
    """Return the name of the first axis of all values with several rows for each image."""
    found: dict[str, str] = {}
    constants = {tensor.name: tensor.dims for tensor in graph.initializer}
    copies = {n.output[0]: constants[n.input[1]][0] for n in graph.node if n.op_type == "Gather"}
    for node in graph.node:
        if node.op_type == "Reshape":  # to rows, or back to one group of them for each image
            number = copies.get(node.input[0])
            found |= {node.output[0]: f"{number}*{BATCH}"} if number else {}
        elif rows := [found[name] for name in node.input if name in found]:
            found |= dict.fromkeys(node.output, rows[0])
    return found
