"""Compare the metrics in a manifest with those of the second run."""

from dataclasses import dataclass

from pipeline.artifacts.stage_facts import EvaluateFacts
from pipeline.publishing.chain import Outputs
from pipeline.publishing.manifest import Manifest
from pipeline.tasks.task import Task


@dataclass(frozen=True)
class MetricChange:
    """The quality of a split at the publication and now; ``worsening`` as in ``Score``.

    It is in percentage points of a share, and in percent of an error.
    """

    split: str
    score: str
    then: float
    now: float
    worsening: float


def compare_metrics(manifest: Manifest, outputs: Outputs, task: Task) -> tuple[MetricChange, ...]:
    """Compare the quality on each split, whether it differs or not."""
    found = outputs[EvaluateFacts.stage].facts.metrics
    changes = []
    for split, metrics in manifest.metrics.items():
        name = task.quality.name
        if split in found and name in metrics.scores:
            then, now = metrics.scores[name], found[split].scores[name]
            worse = task.quality.worsening(now, then)
            changes.append(MetricChange(split, name, then, now, worse))
    return tuple(changes)
