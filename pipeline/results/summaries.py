"""The parts of a result: its data, its metrics, and the running times of its stages."""

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.artifacts.metrics import Metrics
from pipeline.artifacts.stage_facts import DataFacts
from pipeline.engine.runner import StageResult


@dataclass(frozen=True)
class DataSummary:
    """The data set of a run, its source, and the number of images in each split."""

    name: str
    source: str
    train: int
    validation: int
    test: int

    @classmethod
    def of(cls, facts: DataFacts) -> "DataSummary":
        """Return the summary of the data of a run."""
        return cls(facts.name, facts.source, facts.train, facts.validation, facts.test)


@dataclass(frozen=True)
class SplitMetrics:
    """The mean loss and the task's scores over one split, the most important score first.

    ``baseline`` are the scores of the best constant prediction: the majority class, or the mean.
    """

    loss: float
    scores: dict[str, float]
    baseline: dict[str, float]

    @classmethod
    def of(cls, metrics: Metrics) -> "SplitMetrics":
        """Return the summary of the metrics of a split."""
        return cls(metrics.loss, metrics.scores, metrics.baseline)

    @property
    def accuracy(self) -> float:
        """Top-1 accuracy, 0 to 1.

        Raises:
            KeyError: accuracy is not a score of the task.
        """
        return self.scores["accuracy"]


@dataclass(frozen=True)
class RunSeconds:
    """The running times of the stages of a run, in seconds.

    ``stages`` maps each stage to the time in which its output was computed: by this run, or by an
    earlier one if the stage was up to date. A training that was interrupted counts from where it
    was resumed. ``this_run`` is the time of the stages that were not up to date.
    """

    stages: dict[str, float]
    this_run: float

    @classmethod
    def of(cls, stages: Iterable[StageResult]) -> "RunSeconds":
        """Return the running times of stages that ran or were up to date."""
        found = tuple(stages)
        computed = {stage.name: stage.output.seconds for stage in found}
        return cls(computed, this_run=sum(stage.seconds for stage in found))

    @property
    def total(self) -> float:
        """The time of all stages, as if none had been up to date."""
        return sum(self.stages.values())
