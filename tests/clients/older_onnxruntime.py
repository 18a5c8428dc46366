"""Predict with each ONNX file below a folder, in the onnxruntime of this environment.

``older_onnxruntime.py FOLDER`` reads the images from ``images.npy`` and writes the predictions of
``NAME.onnx`` to ``NAME.npy``; prints the version of onnxruntime, then the name of each file.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime

onnxruntime.set_default_logger_severity(4)  # failures are raised
folder = Path(sys.argv[1])
images = np.load(folder / "images.npy")
print(onnxruntime.__version__)
for path in sorted(folder.rglob("*.onnx")):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    [predictions] = session.run(None, {"image": images})
    np.save(path.with_suffix(".npy"), predictions)
    print(path.relative_to(folder))
