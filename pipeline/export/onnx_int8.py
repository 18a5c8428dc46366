"""The format ``onnx_int8``: dense layers in 8 bits, calibrated on training images."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from pipeline.artifacts.formats import INT8
from pipeline.artifacts.model_contract import INPUT
from pipeline.export.onnx_gemm import with_gemm, without_gemm
from pipeline.export.onnx_graph import finish_copy, write_checked
from pipeline.export.trained_model import TrainedModel
from pipeline.system.scratch import scratch_folder

_CHUNK = 100  # images per call


class _Images(CalibrationDataReader):  # type: ignore[misc]
    """Passes training images to onnxruntime, which records the range of each layer's output."""

    def __init__(self, images: npt.NDArray[np.uint8]) -> None:
        firsts = range(0, len(images), _CHUNK)
        self._chunks: Iterator[Any] = iter(images[first : first + _CHUNK] for first in firsts)

    def get_next(self) -> dict[str, npt.NDArray[np.uint8]] | None:
        chunk = next(self._chunks, None)
        return None if chunk is None else {INPUT: np.asarray(chunk)}


def write(trained: TrainedModel, path: Path) -> None:
    """Write the ONNX file with QuantizeLinear and DequantizeLinear around every dense layer."""
    with scratch_folder() as scratch:
        exact, quantized = scratch / "exact.onnx", scratch / "int8.onnx"
        with_bias = with_gemm(trained.onnx)
        onnx.save(with_bias, exact)
        quantize_static(
            exact,
            quantized,
            _Images(trained.calibration),
            quant_format=QuantFormat.QDQ,
            # Where a quantized range begins at 0, quantization computes the ReLU: it has no node.
            op_types_to_quantize=["Gemm", "Relu"],
            nodes_to_exclude=_averaged_layers(with_bias.graph),
            per_channel=True,
            # Weights in 7 bits: processors without VNNI add 8-bit products in 16 bits, which
            # overflows and would change the results.
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        model = onnx.load(quantized)
    without_gemm(model.graph)
    _keep_bias_of_one_unit(model.graph)
    finish_copy(model, trained.onnx, trained.metadata, INT8)
    write_checked(model, path)


def _averaged_layers(graph: onnx.GraphProto) -> list[str]:
    """Return the names of the nodes of last layers whose values are averaged as they are.

    They stay in float32: OpenVINO 2026.4 moves the dequantization behind the Reshape before the
    mean, and returns values of uninitialized memory for all rows but the first.
    """
    makers = {node.output[0]: node for node in graph.node}
    found: list[str] = []
    for node in [node for node in graph.node if node.op_type == "Reshape"]:
        maker = makers.get(node.input[0])
        while maker is not None and maker.op_type in ("Gemm", "Relu"):
            found.append(maker.name)
            maker = makers.get(maker.input[0]) if maker.op_type == "Relu" else None
    return found


def _keep_bias_of_one_unit(graph: onnx.GraphProto) -> None:
    """Write the bias of a layer with one unit as float32.

    onnxruntime's quantizer gives it a vector as scale and a scalar as zero point, which OpenCV does
    not open; with two vectors or two scalars, OpenCV computes something else.
    """
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in [node for node in graph.node if node.op_type == "DequantizeLinear"]:
        if node.input[0] in constants and not constants[node.input[2]].dims:
            value, scale = (onnx.numpy_helper.to_array(constants[n]) for n in node.input[:2])
            bias = (value * scale).astype(np.float32)  # symmetric: the zero point is 0
            graph.initializer.append(onnx.numpy_helper.from_array(bias, node.output[0]))
            for name in node.input:
                graph.initializer.remove(constants[name])
            graph.node.remove(node)
