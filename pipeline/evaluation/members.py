"""The scores of the networks of a committee, each alone."""

import numpy as np

from pipeline.artifacts.data_set import DataSet, Split
from pipeline.artifacts.member_names import MEMBERS
from pipeline.artifacts.metrics import MemberScore
from pipeline.runtimes.keras_model import KerasPredictor
from pipeline.tasks.task import Task


def member_scores(
    predictor: KerasPredictor, data: DataSet, task: Task, count: int
) -> tuple[MemberScore, ...]:
    """Return the score of each of ``count`` members, averaged over shifts as in the committee.

    Empty for a single network.
    """
    if count == 1:
        return ()
    of_splits = [_scores(predictor, split, task, count) for split in (data.validation, data.test)]
    pairs = zip(*of_splits, strict=True)
    return tuple(
        MemberScore(task.quality.name, validation, test)
        for validation, test in pairs
        if test is not None
    )


def _scores(
    predictor: KerasPredictor, split: Split, task: Task, count: int
) -> list[float] | list[None]:
    """Return the score of each member on a split; None for a split without images."""
    if not len(split):
        return [None] * count
    outputs = predictor.outputs_of(MEMBERS, split.images)
    assert outputs is not None, "a committee has a layer with the outputs of its members"
    members = np.split(outputs, count, axis=1)
    return [task.score(member.mean(axis=1), split.labels) for member in members]
