"""What every format is written from: the trained model, its contract, and what files say of it."""

from dataclasses import dataclass
from functools import cached_property

import keras
import numpy as np
import numpy.typing as npt
from onnx import ModelProto

from pipeline.artifacts.model_contract import Contract
from pipeline.export.onnx_graph import convert


@dataclass(frozen=True)
class TrainedModel:
    """The model and what its copies need.

    ``metadata`` is written into files that have room for it; ``calibration``, uint8
    (n, height, width, channels) 0..255, are training images that quantisation looks at.
    """

    model: keras.Model
    contract: Contract
    metadata: dict[str, str]
    calibration: npt.NDArray[np.uint8]

    @cached_property
    def onnx(self) -> ModelProto:
        """The float32 ONNX model that further formats are made from; not to be changed."""
        return convert(self.model, self.contract, self.metadata)
