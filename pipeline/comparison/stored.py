"""A member from the stage outputs of its run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from pipeline.artifacts.data_set import TEST_PROBABILITIES_FILE
from pipeline.artifacts.stage_facts import DataFacts, EvaluateFacts, Facts, TrainFacts, VerifyFacts
from pipeline.comparison.sides import Member, TestSet
from pipeline.engine.store import StageOutput, Store
from pipeline.errors import RequestError
from pipeline.tasks.registry import task_named

HISTORY_FILE = "history.json"  # written by ``train``
F = TypeVar("F", bound=Facts)


def stored_member(
    name: str, config: Mapping[str, Any], fingerprints: Mapping[str, str], store: Store
) -> Member:
    """Return a member from the outputs of its run, up to ``evaluate``; ``verify`` may be missing.

    Raises:
        RequestError: an output is missing, or damaged.
    """
    data = _output(name, DataFacts, fingerprints, store)
    train = _output(name, TrainFacts, fingerprints, store)
    evaluated = _output(name, EvaluateFacts, fingerprints, store)
    verified = store.find(VerifyFacts, fingerprints.get(VerifyFacts.stage, ""))
    return Member(
        name=name,
        config=config,
        task=task_of_values(config),
        test_set=TestSet.of(data, data.facts),
        predictions=np.load(evaluated.path / TEST_PROBABILITIES_FILE),
        metrics=evaluated.facts.metrics["test"],
        parameters=train.facts.parameters,
        history=read_history(train.path),
        checks=verified.facts.checks if verified else (),
    )


def task_of_values(config: Mapping[str, Any]) -> Any:
    """Return the task of a configuration by its keys."""
    return task_named(config["task"], config["model.output"], config["train.loss"])


def read_history(folder: Path) -> tuple[Mapping[str, float], ...]:
    """Return the logs of each epoch from the output of ``train``; none if they are missing."""
    try:
        return tuple(json.loads((folder / HISTORY_FILE).read_text()))
    except (OSError, ValueError):
        return ()


def _output(
    name: str, facts: type[F], fingerprints: Mapping[str, str], store: Store
) -> StageOutput[F]:
    found = store.find(facts, fingerprints.get(facts.stage, ""))
    if found is None or not found.is_unaltered():
        state = "is missing" if found is None else "was altered"
        raise RequestError(
            f"{name} cannot be compared: the output of its stage {facts.stage} {state} in "
            f"{store.root}. Run its configuration again, at least with --until evaluate."
        )
    return found
