"""Reduced-precision copies are kept only if they are smaller and lose little accuracy."""

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.artifacts.data_set import Split
from pipeline.artifacts.formats import FORMATS, artifact_bytes, artifact_name, artifact_path
from pipeline.artifacts.reduced_precision import Copy
from pipeline.runtimes.onnxruntime_python import OnnxRuntimePredictor
from pipeline.tasks.task import Task

if TYPE_CHECKING:
    from pipeline.config.schema import Export


def measure_copy(
    folder: Path, file_format: str, validation: Split, task: Task, settings: "Export"
) -> Copy:
    """Compare a copy with its original on the validation set, both in onnxruntime."""
    original = FORMATS[file_format].copy_of
    assert original is not None, "only copies are measured"
    quality = task.quality
    score = _score(artifact_path(folder, file_format), validation, task)
    worse_by = quality.worsening(score, _score(artifact_path(folder, original), validation, task))
    size, original_size = (artifact_bytes(folder, name) for name in (file_format, original))
    reasons = []
    key = "max_rmse_increase" if quality.is_error else "max_accuracy_drop"
    if worse_by > (limit := getattr(settings, key)):
        reasons.append(
            f"its {quality.title} on the validation set {'rises' if quality.is_error else 'drops'} "
            f"by {worse_by:.2f} {quality.unit}, to {score:.4f}; export.{key} allows {limit:g}"
        )
    if size >= original_size:
        reasons.append(
            f"it is not smaller than {artifact_name(original)}: {size:,} bytes instead of "
            f"{original_size:,}"
        )
    name = artifact_name(file_format)
    return Copy(
        format=file_format,
        artifact=name,
        score_name=quality.name,
        score=score,
        worse_by=worse_by,
        unit=quality.unit,
        bytes=size,
        original_bytes=original_size,
        reason="; ".join(reasons) or None,
    )


def _score(path: Path, split: Split, task: Task) -> float:
    """Return the task's score of a file on a split."""
    return task.score(OnnxRuntimePredictor(path).predict_all(split.images), split.labels)
