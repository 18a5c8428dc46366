"""Test data of an ONNX file in the layout of the ONNX Model Zoo: an input and its output.

Any tool that runs ONNX files can check one with it: ``test_data_set_0/input_0.pb`` and
``output_0.pb`` are serialized tensors (github.com/onnx/models, "Usage").
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy.typing as npt

from pipeline.artifacts.model_contract import Contract
from pipeline.publishing.golden import Golden

FOLDER = "test_data_set_0"


def onnx_test_data(golden: Golden, contract: Contract) -> dict[str, Callable[[Path], object]]:
    """Return how to write each file: the golden images, and the predictions of the Keras model."""
    [input_spec], [output_spec] = contract.inputs, contract.outputs
    return {
        f"{FOLDER}/input_0.pb": partial(_write, input_spec.name, golden.images),
        f"{FOLDER}/output_0.pb": partial(_write, output_spec.name, golden.probabilities),
    }


def _write(name: str, array: npt.NDArray[Any], path: Path) -> None:
    from onnx import numpy_helper

    path.write_bytes(numpy_helper.from_array(array, name).SerializeToString())
