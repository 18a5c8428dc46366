"""ONNX files in OpenCV's dnn module."""

from pathlib import Path

import numpy as np

from pipeline.runtimes.onnx_file import read_checked
from pipeline.runtimes.onnx_reference import onnx_contract
from pipeline.runtimes.packages import PythonPackage
from pipeline.runtimes.predictor import Images, Predictor, Probabilities, num_threads
from pipeline.runtimes.registry import Runtime


class OpenCvPredictor(Predictor):
    """An ONNX file in OpenCV.

    OpenCV reports neither dtypes nor free axes, so these are read from the file. Names are checked
    by OpenCV: ``setInput`` and ``forward`` raise errors for unknown inputs and outputs.
    """

    def __init__(self, path: Path) -> None:
        import cv2
        import onnx

        self._cv2 = cv2
        model = read_checked(path)
        self.contract = onnx_contract(onnx.load_from_string(model))
        self._net = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))

    def _run(self, images: Images) -> Probabilities:
        [input_spec], [output_spec] = self.contract.inputs, self.contract.outputs
        self._cv2.setNumThreads(num_threads(len(images)))
        self._net.setInput(images, input_spec.name)
        output = self._net.forward(output_spec.name)
        return output.copy()  # type: ignore[return-value]  # the next call overwrites it


RUNTIME = Runtime(
    "opencv",
    ("onnx", "onnx_int8", "onnx_fp16"),
    PythonPackage("opencv-python-headless", "cv2", "runtimes", extra_modules=("onnx",)),
    OpenCvPredictor,
)
