"""Small networks of any task with random weights, exported to files."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.artifacts.formats import artifact_path
from pipeline.artifacts.model_contract import contract_for
from pipeline.config.schema import Model
from pipeline.data.sample import read_sample
from pipeline.export.stage import export
from pipeline.export.trained_model import TrainedModel
from pipeline.models.averaging import averaged
from pipeline.models.dense import build_model, logits_model
from pipeline.runtimes.isolated import WorkerResult
from pipeline.runtimes.predictor import Predictor
from pipeline.runtimes.worker import SMALL_BATCHES
from pipeline.tasks.registry import task_named
from pipeline.tasks.task import Task
from pipeline.verification.comparing import Reference
from pipeline.verification.exact import exact_predictions
from pipeline.verification.reading_back import trained_network

SHAPE = (28, 28, 1)


class Exported:
    """A network in all formats, with its exact predictions for digits."""

    def __init__(self, folder: Path, name: str, output: str, **settings: Any) -> None:
        """Build networks of a task and an output with settings of the section ``model``."""
        self.folder, self.output = folder, output
        self.task: Task = task_named(name, output)
        self.classes = 3 if name == "multiclass" else 2
        self.contract = contract_for(self.task.output(self.classes), image_shape=SHAPE)
        self.pixels = read_sample()[0][::50]
        config = Model(**{"hidden": (6, 5), **settings})
        self.models = [self._network(config, 3 + number) for number in range(config.members)]
        model = averaged(self.models, over_shifts=config.average == "shifts")
        self.trained = TrainedModel(model, self.contract, {}, self.pixels[:50])

    def _network(self, config: Model, seed: int) -> keras.Model:
        keras.utils.set_random_seed(seed)
        model = build_model(config, image_shape=SHAPE, num_classes=self.classes, task=self.task)
        rng = np.random.default_rng(seed - 3)
        model.set_weights(
            [w if w.ndim > 1 else 0.2 + 0.1 * rng.normal(size=w.shape) for w in model.get_weights()]
        )
        z, (kernel, _) = logits_model(model)(self.pixels), model.get_layer("logits").get_weights()
        factor = 4 / np.std(z)  # so that z is 1 on average, with a standard deviation of 4
        model.get_layer("logits").set_weights([kernel * factor, 1 - factor * np.mean(z, axis=0)])
        return model

    def write(self, formats: list[str]) -> "Exported":
        self.folder.mkdir()
        for name in formats:
            export(self.trained, name, self.folder)
        return self

    def reference(self) -> Reference:
        network = trained_network(artifact_path(self.folder, "keras"))
        assert network is not None
        exact = exact_predictions(network, self.pixels, self.task)
        labels = np.zeros(len(self.pixels), np.int64)
        return Reference(
            Path("none"), labels, exact.probabilities, self.contract, self.task, exact.allowed,
            network,
        )  # fmt: skip

    def result(self, predictor: Predictor) -> WorkerResult:
        small = {size: predictor.predict(self.pixels[:size]) for size in SMALL_BATCHES}
        return WorkerResult(predictor.contract, predictor.predict_all(self.pixels), small)
