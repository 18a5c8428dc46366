"""The score on the test set, changed in several ways."""

from collections.abc import Sequence

import numpy as np

from pipeline.artifacts.report import Robustness
from pipeline.progress import Progress
from pipeline.reporting.measures.changes import Change
from pipeline.reporting.run import ReportedRun
from pipeline.runtimes.predictor import Predictor


def robustness(
    run: ReportedRun, predictor: Predictor, changes: Sequence[Change], progress: Progress
) -> tuple[Robustness, ...]:
    """Return the task's score by change and strength; every test image is changed."""
    images, labels = np.asarray(run.data_set.test.images), np.asarray(run.data_set.test.labels)
    steps = [(change, strength) for change in changes for strength in change.strengths]
    scores: dict[str, list[float]] = {change.name: [] for change in changes}
    with progress.task("measuring robustness", total=len(steps)) as task:
        for done, (change, strength) in enumerate(steps):
            task.update(done, f"{change.name} {strength:g}")
            predictions = predictor.predict_all(change.apply(images, strength))
            scores[change.name].append(run.task.score(predictions, labels))
    return tuple(
        Robustness(change.name, tuple(map(float, change.strengths)), tuple(scores[change.name]))
        for change in changes
    )
