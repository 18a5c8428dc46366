"""The stage ``evaluate``: compute the metrics of the trained model on all splits."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.artifacts.data_set import (
    SPLITS,
    TEST_PROBABILITIES_FILE,
    TRAINED_MODEL_FILE,
    DataSet,
    read_data,
)
from pipeline.artifacts.metrics import Metrics
from pipeline.artifacts.stage_facts import DataFacts, EvaluateFacts, TrainFacts
from pipeline.engine.context import Context
from pipeline.engine.stage import Outcome
from pipeline.evaluation.baseline import baseline_scores
from pipeline.evaluation.members import member_scores
from pipeline.evaluation.trained_model import trained_model
from pipeline.models.threads import use_threads
from pipeline.runtimes.predictor import Predictor
from pipeline.tasks.registry import task_of
from pipeline.tasks.task import Task


def run(context: Context, folder: Path) -> Outcome[EvaluateFacts]:
    """Write the predictions for the test set into ``folder``; return the metrics of each split.

    Raises:
        ConfigError: TensorFlow has started with another number of threads.
    """
    use_threads(context.config)
    trained = context.output(TrainFacts).path / TRAINED_MODEL_FILE
    with trained_model(trained) as predictor:
        data = read_data(context.output(DataFacts).path)
        task = task_of(context.config)
        metrics = evaluate(predictor, data, task, folder)
        members = member_scores(predictor, data, task, context.config.model.members)
    return Outcome(EvaluateFacts(metrics, members))


def evaluate(predictor: Predictor, data: DataSet, task: Task, folder: Path) -> dict[str, Metrics]:
    """Return the metrics of each split, and write the predictions for the test set."""
    metrics: dict[str, Metrics] = {}
    splits = {name: getattr(data, name) for name in SPLITS}
    for name, split in splits.items():
        if not len(split):  # no validation set
            continue
        predictions = predictor.predict_all(split.images)
        found = task.evaluate(predictions, split.labels, data.class_names)
        baseline = baseline_scores(
            task, data.train.labels, split.labels, data.class_names, predictions.shape[1]
        )
        metrics[name] = replace(found, baseline=baseline)
        if name == "test":
            np.save(folder / TEST_PROBABILITIES_FILE, predictions)
    return metrics
