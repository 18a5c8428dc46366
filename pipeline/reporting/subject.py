"""What all sections are given: the run, the measures, their numbers, and names for people."""

from dataclasses import dataclass
from functools import cached_property
from html import escape

from pipeline.artifacts.metrics import Metrics
from pipeline.artifacts.report import Measures
from pipeline.artifacts.stage_facts import ReportFacts
from pipeline.reporting.numbers import Numbers, numbers_of
from pipeline.reporting.run import ReportedRun

_TITLES = {
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "roc_auc": "ROC AUC",
    "f1": "F1",
    "expected_calibration_error": "calibration error",
}
_SIDE_BY_SIDE = 40  # characters of all class names that fit beside each other on a phone
_SHARES = {"accuracy", "balanced_accuracy", "precision", "recall", "f1"}
_SHARES |= {"expected_calibration_error"}


@dataclass(frozen=True)
class Subject:
    """One run with what was measured, as sections read it."""

    run: ReportedRun
    facts: ReportFacts

    @property
    def measures(self) -> Measures:
        """What the report measured."""
        return self.facts.measures

    @cached_property
    def numbers(self) -> Numbers:
        """The facts of all stages."""
        return numbers_of(self.run, self.facts)

    @cached_property
    def measured(self) -> Numbers:
        """The numbers of ``measures``."""
        return self.numbers.at("report", "facts", "measures")

    @property
    def test(self) -> Metrics:
        """The metrics on the test set."""
        return self.run.evaluate.facts.metrics["test"]

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes; none if labels are numbers."""
        return self.run.data.facts.class_names

    @property
    def has_long_names(self) -> bool:
        """Whether the names of the classes need more room than digits or letters."""
        return sum(map(len, self.class_names)) > _SIDE_BY_SIDE

    @property
    def constant(self) -> str:
        """What the best constant prediction is."""
        return "majority class" if self.class_names else "mean"

    @property
    def quality(self) -> str:
        """The name of the score that rates the model."""
        return self.run.task.quality.name

    def class_name(self, label: float) -> str:
        """Return the name of a class."""
        return self.class_names[int(label)]


def title(score: str) -> str:
    """Return the name of a score for people."""
    return _TITLES.get(score, escape(score.replace("_", " ")))


def spec_of(score: str) -> str:
    """Return the format of a score: shares are percentages."""
    return ".2%" if score in _SHARES else ".4f"
