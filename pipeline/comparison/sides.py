"""The sides of a comparison: trained networks, and what is known of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.checks import Check
from pipeline.artifacts.data_set import split_file
from pipeline.artifacts.metrics import Metrics
from pipeline.artifacts.stage_facts import DataFacts
from pipeline.engine.store import StageFiles
from pipeline.errors import RequestError
from pipeline.tasks.task import Labels, Predictions, Task

SEED = "train.seed"
RUN, PUBLISHED, CONFIGURATION = "run", "published", "configuration"


@dataclass(frozen=True)
class TestSet:
    """A test set on disk, with the SHA-256 of its images and of its labels."""

    __test__ = False  # not a class of tests

    folder: Path
    images_sha256: str
    labels_sha256: str
    data_set: str
    target: str
    class_names: tuple[str, ...]

    @classmethod
    def of(cls, data: StageFiles, facts: DataFacts) -> "TestSet":
        """Return the test set in an output of the stage ``data``."""
        images, labels = (data.outputs[split_file("test", kind)] for kind in ("images", "labels"))
        sha256 = (images.sha256, labels.sha256)
        return cls(data.path, *sha256, facts.name, facts.target, facts.class_names)

    def images(self) -> npt.NDArray[np.uint8]:
        """Return the images (n, height, width, channels), memory-mapped."""
        found: npt.NDArray[np.uint8] = np.load(
            self.folder / split_file("test", "images"), mmap_mode="r"
        )
        return found

    def labels(self) -> Labels:
        """Return the labels (n,)."""
        found: Labels = np.load(self.folder / split_file("test", "labels"))
        return found


@dataclass(frozen=True)
class Member:
    """One trained network: its predictions (n, units) for the test set, and its metrics on it.

    ``config`` maps the keys of its configuration, such as ``train.seed``, to their values.
    ``history`` has the logs of each epoch, ``checks`` the results of the verification; both are
    empty if they are not stored. ``made_with`` is a hash of the code and packages of the training.
    """

    name: str
    config: Mapping[str, Any]
    task: Task
    test_set: TestSet
    predictions: Predictions
    metrics: Metrics
    parameters: int
    history: tuple[Mapping[str, float], ...] = ()
    checks: tuple[Check, ...] = ()
    made_with: str = ""

    @property
    def seed(self) -> int:
        """The seed that the network was trained with."""
        return int(self.config[SEED])

    def score(self, metric: str) -> float:
        """Return the loss or a score on the test set."""
        return self.metrics.loss if metric == "loss" else self.metrics.scores[metric]


@dataclass(frozen=True)
class Side:
    """One side: its name as given, what that was taken for, and a member for each seed.

    ``kind`` is RUN, PUBLISHED or CONFIGURATION. ``command`` has the arguments of ``pipeline run``
    that train it; ``notes`` are what users must know about it.
    """

    name: str
    kind: str
    description: str
    members: tuple[Member, ...]
    command: str = "CONFIG"
    notes: tuple[str, ...] = ()

    @property
    def first(self) -> Member:
        """The member with the smallest seed."""
        return self.members[0]

    def scores(self, metric: str) -> list[float]:
        """Return a metric of every member."""
        return [member.score(metric) for member in self.members]


def require_comparable(first: Side, other: Side) -> None:
    """Check that two sides were tested on the same images, with the same labels.

    Raises:
        RequestError: they were not.
    """
    ours, theirs = first.first.test_set, other.first.test_set
    if ours.target != theirs.target:
        problem = "the same target"
        found = f"{first.name} predicts {ours.target}, and {other.name} {theirs.target}"
    elif ours.images_sha256 != theirs.images_sha256:
        problem = "the same test images"
        found = " and ".join(
            f"{side.name} was tested on {test.data_set} (SHA-256 {test.images_sha256[:12]}...)"
            for side, test in ((first, ours), (other, theirs))
        )
    elif ours.labels_sha256 != theirs.labels_sha256:
        problem = "the same labels of the test images"
        found = f"those of {first.name} and {other.name} differ"
    else:
        return
    raise RequestError(
        f"Sides to compare must have {problem}; {found}. Run both with the same data (data.name, "
        "data.target), in the same workspace."
    )
