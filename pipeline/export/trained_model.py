"""The input of every exporter: the trained model, its contract and its metadata."""

from dataclasses import dataclass
from functools import cached_property

import keras
import numpy as np
import numpy.typing as npt
from onnx import ModelProto

from pipeline.artifacts.model_contract import Contract
from pipeline.config.opsets import LOWEST
from pipeline.export.onnx_graph import convert


@dataclass(frozen=True)
class TrainedModel:
    """A trained model with everything that exporters need.

    ``metadata`` is written into files of formats that support it; ``calibration``, uint8
    (n, height, width, channels) 0..255, are training images for quantization; ``opset`` is that of
    the ONNX files.
    """

    model: keras.Model
    contract: Contract
    metadata: dict[str, str]
    calibration: npt.NDArray[np.uint8]
    opset: int = LOWEST

    @cached_property
    def onnx(self) -> ModelProto:
        """The float32 ONNX model that other formats are converted from; do not modify it."""
        return convert(self.model, self.contract, self.metadata, self.opset)
