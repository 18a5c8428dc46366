"""Smaller copies earn their place: as accurate on the validation set as asked, and smaller."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.artifacts.data_set import Split
from pipeline.artifacts.formats import FORMATS, artifact_bytes, artifact_name, artifact_path
from pipeline.runtimes.onnx_runtime import OnnxRuntimePredictor


@dataclass(frozen=True)
class Copy:
    """A copy beside what it was made from; ``reason`` says why it is left out, else None.

    ``accuracy`` is on the validation set, 0 to 1; ``accuracy_drop`` is in percentage points.
    """

    format: str
    artifact: str
    accuracy: float
    accuracy_drop: float
    bytes: int
    original_bytes: int
    reason: str | None

    def as_json(self) -> dict[str, Any]:
        """Return plain values for a manifest."""
        return asdict(self)


def judge(folder: Path, file_format: str, validation: Split, max_drop: float) -> Copy:
    """Compare a copy with its original, both in onnxruntime, on the validation set.

    ``max_drop`` is in percentage points.
    """
    original = FORMATS[file_format].copy_of
    assert original is not None, "only copies are judged"
    accuracy = _accuracy(artifact_path(folder, file_format), validation)
    drop = round(100 * (_accuracy(artifact_path(folder, original), validation) - accuracy), 6)
    size, original_size = (artifact_bytes(folder, name) for name in (file_format, original))
    reasons = []
    if drop > max_drop:
        reasons.append(
            f"its accuracy on the validation set falls by {drop:.2f} points, to {accuracy:.4f}; "
            f"export.max_accuracy_drop allows {max_drop:g}"
        )
    if size >= original_size:
        reasons.append(f"it has {size:,} bytes, and {artifact_name(original)} {original_size:,}")
    name = artifact_name(file_format)
    return Copy(file_format, name, accuracy, drop, size, original_size, "; ".join(reasons) or None)


def _accuracy(path: Path, split: Split) -> float:
    """Return the share, 0 to 1, of images whose label the file tells."""
    labels = OnnxRuntimePredictor(path).predict_all(split.images).argmax(axis=1)
    return float(np.mean(labels == split.labels))
