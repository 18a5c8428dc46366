"""Reduced-precision copies are kept only if they are smaller and lose little accuracy."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.artifacts.data_set import DataSet, Split
from pipeline.artifacts.formats import FORMATS, artifact_bytes, artifact_name, artifact_path
from pipeline.artifacts.reduced_precision import AGREEMENT, Copy
from pipeline.runtimes.onnxruntime_python import OnnxRuntimePredictor
from pipeline.tasks.task import Task

if TYPE_CHECKING:
    from pipeline.config.schema import Export


_SET_NAMES = {"train": "training set", "validation": "validation set"}
_MAX_OTHER_LABELS = 0.05  # percent of the training images


def measure_copy(
    folder: Path, file_format: str, data: DataSet, task: Task, settings: "Export"
) -> Copy:
    """Compare a copy with its original on the validation set, both in onnxruntime.

    Without a validation set, it is the training set, and labels are compared with the original's:
    the accuracy on images that were trained says little.
    """
    original = FORMATS[file_format].copy_of
    assert original is not None, "only copies are measured"
    files = artifact_path(folder, file_format), artifact_path(folder, original)
    if not len(data.validation) and not task.quality.is_error:
        measured = _agreement(*files, data.train, task)
    else:
        measured = _loss_of_quality(*files, data, task, settings)
    size, original_size = (artifact_bytes(folder, name) for name in (file_format, original))
    reasons = [measured.reason] if measured.reason else []
    if size >= original_size:
        reasons.append(
            f"it is not smaller than {artifact_name(original)}: {size:,} bytes instead of "
            f"{original_size:,}"
        )
    name = artifact_name(file_format)
    return Copy(
        format=file_format,
        artifact=name,
        score_name=measured.score_name,
        score=measured.score,
        worse_by=measured.worse_by,
        unit=task.quality.unit,
        bytes=size,
        original_bytes=original_size,
        reason="; ".join(reasons) or None,
        split=measured.split,
    )


@dataclass(frozen=True)
class _Measured:
    """How good a copy is, as in ``Copy``; ``reason`` is None if it is good enough."""

    score_name: str
    score: float
    worse_by: float
    split: str
    reason: str | None


def _loss_of_quality(
    copy: Path, original: Path, data: DataSet, task: Task, settings: "Export"
) -> _Measured:
    name = "validation" if len(data.validation) else "train"
    split, quality = getattr(data, name), task.quality
    score = _score(copy, split, task)
    worse_by = quality.worsening(score, _score(original, split, task))
    key = "max_rmse_increase" if quality.is_error else "max_accuracy_drop"
    limit, reason = getattr(settings, key), None
    if worse_by > limit:
        change = "rises" if quality.is_error else "drops"
        reason = (
            f"its {quality.title} on the {_SET_NAMES[name]} {change} by {worse_by:.2f} "
            f"{quality.unit}, to {score:.4f}; export.{key} allows {limit:g}"
        )
    return _Measured(quality.name, score, worse_by, name, reason)


def _agreement(copy: Path, original: Path, train: Split, task: Task) -> _Measured:
    labels, expected = (
        task.labels_of(OnnxRuntimePredictor(path).predict_all(train.images))
        for path in (copy, original)
    )
    assert labels is not None, "a task with classes has labels"
    others = int((labels != expected).sum())
    percent, reason = 100 * others / len(train), None
    if percent > _MAX_OTHER_LABELS:
        reason = (
            f"{others:,} of the {len(train):,} training images ({percent:.2f} %) get a different "
            f"label than from {original.name}; without a validation set, at most "
            f"{_MAX_OTHER_LABELS:g} % may"
        )
    return _Measured(AGREEMENT, 1 - others / len(train), percent, "train", reason)


def _score(path: Path, split: Split, task: Task) -> float:
    """Return the task's score of a file on a split."""
    return task.score(OnnxRuntimePredictor(path).predict_all(split.images), split.labels)
