"""Compare each published file with that of the second run: its bytes, else weights and answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pipeline.artifacts.data_set import split_file
from pipeline.artifacts.formats import (
    FLOAT32,
    FORMATS,
    artifact_files,
    artifact_name,
    artifact_path,
)
from pipeline.artifacts.stage_facts import DataFacts, ExportFacts
from pipeline.errors import MissingPackages, PipelineError, one_line
from pipeline.progress import Progress
from pipeline.publishing.chain import Outputs
from pipeline.publishing.published_folder import PublishedModel
from pipeline.reproduction.weights import (
    largest_difference,
    read_exported,
    read_published,
    same_bits,
)
from pipeline.runtimes.isolated import run_file
from pipeline.runtimes.registry import Runtime, runtimes_for
from pipeline.tasks.task import Predictions, Task

# Keras writes the time into its file, TensorFlow numbers functions by chance.
BY_NATURE = ("keras", "saved_model")
_PREFERRED = ("onnxruntime", "tensorflow", "keras", "litert", "openvino")
FileStatus = Literal["identical", "same weights and answers", "differs", "not compared"]


@dataclass(frozen=True)
class Answers:
    """How the answers to the test images differ; ``labels`` is None if they are numbers.

    ``largest`` is None if a difference is infinite or NaN, ``root_mean_square`` too.
    """

    largest: float | None
    root_mean_square: float | None
    labels: int | None

    @property
    def same(self) -> bool:
        """Whether all answers are equal."""
        return self.largest == 0


@dataclass(frozen=True)
class FileComparison:
    """A published file, or the SavedModel; ``problem`` is why it could not be run or compared."""

    name: str
    format: str
    status: FileStatus
    changed: tuple[str, ...] = ()
    weights: float | None = None
    answers: Answers | None = None
    problem: str | None = None

    @property
    def is_same(self) -> bool:
        """Whether it has the same bytes, or other ones by nature with the same content."""
        if self.status == "identical":
            return True
        return self.format in BY_NATURE and self.status == "same weights and answers"

    @property
    def is_copy(self) -> bool:
        """Whether it has a lower precision than float32."""
        return FORMATS[self.format].precision != FLOAT32


def compare_files(
    published: PublishedModel, outputs: Outputs, progress: Progress
) -> tuple[FileComparison, ...]:
    """Compare the files of each published format."""
    formats, found = published.formats, []
    with progress.task("comparing files", total=len(formats)) as task:
        for number, file_format in enumerate(formats):
            task.update(number, artifact_name(file_format))
            found.append(_compare(published, file_format, outputs))
    return tuple(found)


def compare_answers(got: Predictions, published: Predictions, task: Task) -> Answers | None:
    """Return how two arrays of answers (n, units) differ, or None if their shapes do."""
    if got.shape != published.shape:
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.abs(got.astype(np.float64) - published.astype(np.float64))
        largest, mean_square = float(difference.max(initial=0)), float(np.mean(difference**2))
    labels, theirs = task.labels_of(got), task.labels_of(published)
    return Answers(
        largest=largest if np.isfinite(largest) else None,
        root_mean_square=mean_square**0.5 if np.isfinite(mean_square) else None,
        labels=None if labels is None or theirs is None else int(np.sum(labels != theirs)),
    )


def _compare(published: PublishedModel, file_format: str, outputs: Outputs) -> FileComparison:
    name, exported = artifact_name(file_format), outputs[ExportFacts.stage]
    mine = _names(exported.path, file_format)
    theirs = _names(published.path, file_format)
    then = {one: published.manifest.files[one].sha256 for one in theirs}
    now = {one: exported.outputs[one].sha256 for one in mine}
    changed = tuple(sorted(one for one in {*then, *now} if then.get(one) != now.get(one)))
    if not changed:
        return FileComparison(name, file_format, "identical")
    if not mine:
        problem = "this run did not write it"
        return FileComparison(name, file_format, "differs", changed, problem=problem)
    ours, weights = read_published(published, file_format), read_exported(exported, file_format)
    readable = ours is not None and weights is not None
    largest = largest_difference(ours, weights) if ours and weights else None
    same = bool(ours and weights and same_bits(ours, weights))
    try:
        answers = _answers(published, file_format, outputs)
    except MissingPackages as error:
        problem = one_line(error, 100)
        return FileComparison(name, file_format, "not compared", changed, largest, None, problem)
    except PipelineError as error:
        problem = one_line(error, 200)
        return FileComparison(name, file_format, "differs", changed, largest, None, problem)
    same = answers is not None and answers.same and (same or not readable)
    status: FileStatus = "same weights and answers" if same else "differs"
    return FileComparison(name, file_format, status, changed, largest, answers)


def _names(folder: Path, file_format: str) -> Sequence[str]:
    return [path.relative_to(folder).as_posix() for path in artifact_files(folder, file_format)]


def _answers(published: PublishedModel, file_format: str, outputs: Outputs) -> Answers | None:
    """Run both files in the same runtime on the test images, each in a process of its own."""
    data = outputs[DataFacts.stage]
    runtime, images = _runtime(file_format), data.path / split_file("test", "images")
    predictions = (
        run_file(
            runtime, artifact_path(folder, file_format), images, num_images=data.facts.test
        ).probabilities
        for folder in (outputs[ExportFacts.stage].path, published.path)
    )
    got, theirs = predictions
    return compare_answers(got, theirs, published.manifest.open_task())


def _runtime(file_format: str) -> Runtime:
    runtimes = {runtime.name: runtime for runtime in runtimes_for(file_format)}
    ordered = [runtimes.pop(name) for name in _PREFERRED if name in runtimes]
    ordered += runtimes.values()
    return next((runtime for runtime in ordered if runtime.installed), ordered[0])
