"""The facts that each stage reports, stored in the manifest of its output."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from pipeline.artifacts.checks import Check
from pipeline.artifacts.metrics import MemberScore, Metrics
from pipeline.artifacts.model_contract import Contract
from pipeline.artifacts.reduced_precision import Copy
from pipeline.artifacts.report import Measures
from pipeline.artifacts.uncertainty import Uncertainty


@dataclass(frozen=True)
class Facts:
    """The facts that a stage reports; ``stage`` is its name."""

    stage: ClassVar[str]

    @property
    @abstractmethod
    def summary(self) -> str:
        """A short summary of what the stage did."""


@dataclass(frozen=True)
class Resizing:
    """How pictures of any size become images of ``size`` (height, width)."""

    name: str
    size: tuple[int, int]
    channels: int
    fit: str


@dataclass(frozen=True)
class Duplicates:
    """How many validation and test images are also in another split, pixel by pixel.

    ``other_label`` is how many of them have a different label there; ``examples`` name some.
    """

    images: int
    other_label: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class DataFacts(Facts):
    """The data set: its source, target and classes, and the number of images in each split.

    ``content`` is the SHA-256 of the pictures of a folder. ``preprocessing`` is None for MNIST,
    whose form is more than a size.
    """

    stage = "data"

    name: str
    source: str
    origin: str
    target: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    train: int
    validation: int
    test: int
    sampled: bool
    content: str | None = None
    preprocessing: Resizing | None = None
    duplicates: Duplicates | None = None

    @property
    def summary(self) -> str:
        """The number of images in each split."""
        counts = " / ".join(f"{count:,}" for count in (self.train, self.validation, self.test))
        return f"{self.name}: {counts} images" + (" (SAMPLE)" if self.sampled else "")


@dataclass(frozen=True)
class LayerSummary:
    """One row of a model summary; the shape excludes the batch axis."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int


@dataclass(frozen=True)
class TrainFacts(Facts):
    """The trained network, and how it was trained; ``last_epoch`` holds the last epoch's logs."""

    stage = "train"

    parameters: int
    layers: tuple[LayerSummary, ...]
    epochs: int
    steps_per_epoch: int
    shards: int
    compiler: str
    last_epoch: dict[str, float]

    @property
    def summary(self) -> str:
        """The size of the network and the length of the training."""
        epochs = "1 epoch" if self.epochs == 1 else f"{self.epochs} epochs"
        return f"{self.parameters:,} parameters, {epochs}, {self.compiler}"


@dataclass(frozen=True)
class EvaluateFacts(Facts):
    """The metrics of each split, by name, and the score of each member of a committee."""

    stage = "evaluate"

    metrics: dict[str, Metrics]
    members: tuple[MemberScore, ...] = ()

    @property
    def summary(self) -> str:
        """The task's first score on the test set."""
        name, score = self.metrics["test"].headline
        return f"test {name} {score:.4f}"


@dataclass(frozen=True)
class ExportFacts(Facts):
    """The exported formats, and the contract that every file follows."""

    stage = "export"

    formats: tuple[str, ...]
    copies: tuple[Copy, ...]
    contract: Contract

    @property
    def summary(self) -> str:
        """The formats."""
        return ", ".join(self.formats)


@dataclass(frozen=True)
class VerifyFacts(Facts):
    """The formats that passed and may be published, and all checks."""

    stage = "verify"

    formats: tuple[str, ...]
    checks: tuple[Check, ...]
    copies: tuple[Copy, ...]

    @property
    def summary(self) -> str:
        """How many checks passed, failed and did not run."""
        passed = sum(check.passed for check in self.checks)
        failed = sum(bool(check.failures) for check in self.checks)
        absent = sum(not check.ran for check in self.checks)
        words = [(failed, "failed"), (absent, "not run")]
        others = "".join(f", {count} {word}" for count, word in words if count)
        return f"{passed} check{'s' * (passed != 1)} passed{others}"


@dataclass(frozen=True)
class ReportFacts(Facts):
    """What the report measured; what makes predictions unsure, for several classes."""

    stage = "report"

    measures: Measures
    uncertainty: Uncertainty | None = None

    @property
    def summary(self) -> str:
        """The name of the file, and how many changes of the images were tried."""
        tried = sum(len(row.strengths) for row in self.measures.robustness)
        return f"report.html, test set changed in {tried} ways"


@dataclass(frozen=True)
class PublishFacts(Facts):
    """The published version."""

    stage = "publish"

    name: str
    version: int

    @property
    def summary(self) -> str:
        """The name and number of the version."""
        return f"{self.name} version {self.version}"
