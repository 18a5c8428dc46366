"""Reduced-precision copies are kept only if they are smaller and lose little accuracy."""

from pathlib import Path

from pipeline.artifacts.data_set import Split
from pipeline.artifacts.formats import FORMATS, artifact_bytes, artifact_name, artifact_path
from pipeline.artifacts.reduced_precision import Copy
from pipeline.runtimes.onnxruntime_python import OnnxRuntimePredictor
from pipeline.tasks.task import Task


def measure_copy(
    folder: Path, file_format: str, validation: Split, task: Task, max_drop: float
) -> Copy:
    """Compare a copy with its original on the validation set, both in onnxruntime.

    ``max_drop`` is in percentage points.
    """
    original = FORMATS[file_format].copy_of
    assert original is not None, "only copies are measured"
    accuracy = _score(artifact_path(folder, file_format), validation, task)
    drop = round(100 * (_score(artifact_path(folder, original), validation, task) - accuracy), 6)
    size, original_size = (artifact_bytes(folder, name) for name in (file_format, original))
    reasons = []
    if drop > max_drop:
        reasons.append(
            f"its accuracy on the validation set drops by {drop:.2f} points, to {accuracy:.4f}; "
            f"export.max_accuracy_drop allows {max_drop:g}"
        )
    if size >= original_size:
        reasons.append(
            f"it is not smaller than {artifact_name(original)}: {size:,} bytes instead of "
            f"{original_size:,}"
        )
    name = artifact_name(file_format)
    return Copy(file_format, name, accuracy, drop, size, original_size, "; ".join(reasons) or None)


def _score(path: Path, split: Split, task: Task) -> float:
    """Return the task's score of a file on a split."""
    return task.score(OnnxRuntimePredictor(path).predict_all(split.images), split.labels)
