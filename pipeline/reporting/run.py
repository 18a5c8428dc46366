"""The outputs of a run that a report reads."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.artifacts.data_set import (
    TEST_PROBABILITIES_FILE,
    TRAINED_MODEL_FILE,
    DataSet,
    read_data,
)
from pipeline.artifacts.stage_facts import (
    DataFacts,
    EvaluateFacts,
    ExportFacts,
    TrainFacts,
    VerifyFacts,
)
from pipeline.engine.records import record_id
from pipeline.engine.store import StageOutput
from pipeline.evaluation.uncertainty import Fitted, fit_uncertainty
from pipeline.runtimes.keras_model import KerasPredictor
from pipeline.tasks.registry import task_of
from pipeline.tasks.task import Predictions, Task
from pipeline.verification.network import Network
from pipeline.verification.reading_back import trained_network

if TYPE_CHECKING:
    from pipeline.config.schema import Config


@dataclass(frozen=True)
class ReportedRun:
    """A run up to ``evaluate``, with the later outputs if they exist; ``root`` is its workspace."""

    config: "Config"
    root: Path
    data: StageOutput[DataFacts]
    train: StageOutput[TrainFacts]
    evaluate: StageOutput[EvaluateFacts]
    export: StageOutput[ExportFacts] | None = None
    verify: StageOutput[VerifyFacts] | None = None

    @property
    def outputs(self) -> list[StageOutput[Any]]:
        """All outputs, in the order of the stages."""
        stages = (self.data, self.train, self.evaluate, self.export, self.verify)
        return [output for output in stages if output is not None]

    @property
    def id(self) -> str:
        """The name of the run, as ``pipeline runs`` lists it."""
        return record_id(self.config.name, self.train.fingerprint)

    @property
    def model_file(self) -> Path:
        """The trained Keras model."""
        return self.train.path / TRAINED_MODEL_FILE

    @cached_property
    def task(self) -> Task:
        """The task."""
        return task_of(self.config)

    @cached_property
    def data_set(self) -> DataSet:
        """The images and the labels."""
        return read_data(self.data.path)

    @cached_property
    def predictions(self) -> Predictions:
        """The predictions for the test set (n, units)."""
        found: Predictions = np.load(self.evaluate.path / TEST_PROBABILITIES_FILE)
        return found

    @cached_property
    def predictor(self) -> KerasPredictor:
        """The trained model."""
        return KerasPredictor(self.model_file)

    @cached_property
    def fitted(self) -> Fitted | None:
        """What makes predictions unsure; None but for several classes."""
        if self.task.name != "multiclass":
            return None
        return fit_uncertainty(self.predictor, self.data_set)

    @cached_property
    def network(self) -> Network | None:
        """The weights; None if an activation is not one of those that ``verify`` knows."""
        return trained_network(self.model_file)
