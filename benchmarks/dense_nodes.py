"""Dense layers as MatMul and Add, or as Gemm: ``python -m benchmarks.dense_nodes``.

Both files have the same random weights, those of the default network. Each round times both, one
after the other, so that whatever else the machine does slows both.
"""

import json
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from pipeline.runtimes.predictor import Images
from pipeline.runtimes.registry import choose_runtime, open_model

RUNTIMES = ("onnxruntime", "openvino")
BATCHES = (1, 64, 1024)
WIDTHS = (784, 512, 512, 10)
ROUNDS, CALLS_SECONDS = 15, 0.1


def main() -> None:
    """Print the median time of Gemm, divided by that of MatMul and Add."""
    images = np.random.default_rng(0).integers(0, 256, (max(BATCHES), 28, 28, 1), np.uint8)
    found: dict[str, dict[str, float]] = {}
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("matmul.onnx", "gemm.onnx")]
        for path, joined in zip(paths, (False, True), strict=True):
            onnx.save(network(joined=joined), path)
        for name in RUNTIMES:
            two, one = (open_model(choose_runtime(name), path).predict for path in paths)
            found[name] = {str(size): ratio(two, one, images[:size]) for size in BATCHES}
    print(json.dumps(found))


def ratio(
    first: Callable[[Images], object], second: Callable[[Images], object], images: Images
) -> float:
    """Return the median over rounds of the second's time, divided by the first's."""
    rounds = []
    for number in range(ROUNDS):
        in_order = [first, second] if number % 2 else [second, first]
        times = {predict: seconds(predict, images) for predict in in_order}
        rounds.append(times[second] / times[first])
    return round(median(rounds[1:]), 3)


def seconds(predict: Callable[[Images], object], images: Images) -> float:
    """Return the median time of a call."""
    times: list[float] = []
    while sum(times) < CALLS_SECONDS:
        started = time.perf_counter()
        predict(images)
        times.append(time.perf_counter() - started)
    return median(times)


def network(*, joined: bool) -> onnx.ModelProto:
    """Return a network of dense layers with ReLU and a softmax; ``joined`` layers are Gemm."""
    rng = np.random.default_rng(0)
    constants: dict[str, npt.NDArray[Any]] = {
        "scale": np.array(1 / 255, np.float32),
        "shape": np.array([-1, WIDTHS[0]]),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["cast", "scale"], ["scaled"]),
        helper.make_node("Reshape", ["scaled", "shape"], ["x0"]),
    ]
    for number, (inputs, units) in enumerate(pairwise(WIDTHS)):
        x, kernel, bias, z = (f"{name}{number}" for name in ("x", "kernel", "bias", "z"))
        constants[kernel] = rng.normal(0, inputs**-0.5, (inputs, units)).astype(np.float32)
        constants[bias] = rng.normal(0, 0.1, units).astype(np.float32)
        if joined:
            nodes.append(helper.make_node("Gemm", [x, kernel, bias], [z]))
        else:
            nodes.append(helper.make_node("MatMul", [x, kernel], [f"product{number}"]))
            nodes.append(helper.make_node("Add", [f"product{number}", bias], [z]))
        last = units == WIDTHS[-1]
        kind, after = ("Softmax", "probabilities") if last else ("Relu", f"x{number + 1}")
        nodes.append(helper.make_node(kind, [z], [after]))
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 28, 28, 1])
    output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 10])
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "network", [image], [output], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)


if __name__ == "__main__":
    main()
