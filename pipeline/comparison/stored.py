"""A member from the stage outputs of its run."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeVar

import numpy as np

from pipeline.artifacts.data_set import TEST_PROBABILITIES_FILE, split_file
from pipeline.artifacts.history import HISTORY_FILE, read_history
from pipeline.artifacts.stage_facts import DataFacts, EvaluateFacts, Facts, TrainFacts, VerifyFacts
from pipeline.comparison.sides import Member, TestSet
from pipeline.config.origin import flatten
from pipeline.config.places import Places
from pipeline.config.reading import validate
from pipeline.engine.fingerprints import fingerprint
from pipeline.engine.store import StageOutput, Store
from pipeline.errors import ConfigError, RequestError
from pipeline.system.atomic import sha256
from pipeline.tasks.registry import task_named

_READ = {
    DataFacts: (split_file("test", "images"), split_file("test", "labels")),
    TrainFacts: (HISTORY_FILE,),
    EvaluateFacts: (TEST_PROBABILITIES_FILE,),
}
F = TypeVar("F", bound=Facts)


def stored_member(
    name: str, config: Mapping[str, Any], fingerprints: Mapping[str, str], store: Store
) -> Member:
    """Return a member from the outputs of its run, up to ``evaluate``; ``verify`` may be missing.

    Raises:
        RequestError: an output is missing, or a file that is read was altered.
    """
    data = _output(name, DataFacts, fingerprints, store)
    train = _output(name, TrainFacts, fingerprints, store)
    evaluated = _output(name, EvaluateFacts, fingerprints, store)
    verified = store.find(VerifyFacts, fingerprints.get(VerifyFacts.stage, ""))
    made_with = {"code": train.ingredients.code, "packages": train.ingredients.packages}
    return Member(
        name=name,
        config=config,
        task=task_named(config["task"], config.get("model.output"), config.get("train.loss")),
        test_set=TestSet.of(data, data.facts),
        predictions=np.load(evaluated.path / TEST_PROBABILITIES_FILE),
        metrics=evaluated.facts.metrics["test"],
        parameters=train.facts.parameters,
        history=tuple(read_history(train.path)),
        checks=verified.facts.checks if verified else (),
        made_with=fingerprint(made_with),
    )


def flat_config(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a stored configuration by key, with defaults for keys newer than it."""
    stored = dict(values)
    with suppress(ConfigError):  # of another version of the package: keys are compared as they are
        stored = validate(stored, Places("a stored configuration")).model_dump(mode="json")
    return flatten(stored)


def _output(
    name: str, facts: type[F], fingerprints: Mapping[str, str], store: Store
) -> StageOutput[F]:
    found = store.find(facts, fingerprints.get(facts.stage, ""))
    if found is None:
        raise _unusable(name, f"the output of its stage {facts.stage} is missing in {store.root}")
    for file in _READ[facts]:
        if file not in found.outputs or sha256(found.path / file) != found.outputs[file].sha256:
            raise _unusable(name, f"{found.path / file} was altered")
    return found


def _unusable(name: str, problem: str) -> RequestError:
    return RequestError(
        f"{name} cannot be compared: {problem}. Run its configuration again, at least with --until "
        "evaluate."
    )
