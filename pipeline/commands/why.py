"""``pipeline why``: compare the ingredients of a stage with those of its closest earlier output."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.artifacts.data_source import FULL, Source
from pipeline.config.schema import Config
from pipeline.engine.plan import Plan
from pipeline.engine.stage import Stage
from pipeline.engine.store import Ingredients, StageOutput
from pipeline.engine.workspace import Workspace
from pipeline.stages import GRAPH, plan_stages


@dataclass(frozen=True)
class Reason:
    """Whether a stage is up to date, and if not, the changes since its closest earlier output."""

    stage: str
    up_to_date: bool
    fingerprint: str
    compared_with: Path | None
    changes: tuple[str, ...]


def explain(config: Config, workspace: Workspace, name: str) -> list[Reason]:
    """Return the reasons of a stage and of every stage it depends on, in order."""
    planned = plan_stages(config, workspace)
    if planned is None:
        planned = Plan(GRAPH, config, Source(FULL, "to be fetched"), workspace)
    needed = _needed(name)
    return [_explain_one(planned, stage) for stage in GRAPH.stages if stage.name in needed]


def _explain_one(planned: Plan, stage: Stage[Any]) -> Reason:
    found = planned.find(stage)
    if found is not None:
        return Reason(stage.name, True, found.fingerprint, found.path, ())
    ingredients = planned.ingredients[stage.name]
    nearest, changes = _nearest(ingredients, planned.workspace.store.all_of(stage.facts))
    if nearest is None:
        changes = ["there is no earlier output"]
    elif not changes:
        changes = ["its output is incomplete, or its published version no longer exists"]
    path = nearest.path if nearest else None
    print_ = planned.fingerprints[stage.name]
    return Reason(stage.name, False, print_, path, tuple(changes))


def _nearest(
    ingredients: Ingredients, outputs: list[StageOutput[Any]]
) -> tuple[StageOutput[Any] | None, list[str]]:
    """Return the output with the fewest changes, the newest in case of a tie."""
    compared = [(output, _changes(output.ingredients, ingredients)) for output in outputs]
    return min(compared, key=lambda pair: len(pair[1]), default=(None, []))


def _changes(old: Ingredients, new: Ingredients) -> list[str]:
    changes = []
    for key, before, after in _differences(old.config, new.config):
        changes.append(f"{key} changed from {before!r} to {after!r}")
    for key, _, _ in _differences(old.inputs, new.inputs):
        changes.append(f"the output of {key} changed")
    for key, before, after in _differences(old.code, new.code):
        change = "is new" if before is None else "was removed" if after is None else "changed"
        changes.append(f"the code of {key} {change}")
    for key, before, after in _differences(old.packages, new.packages):
        changes.append(f"the package {key} changed from {before} to {after}")
    return changes


def _differences(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    keys = sorted({*old, *new})
    return [(k, old.get(k), new.get(k)) for k in keys if old.get(k) != new.get(k)]


def _needed(name: str) -> set[str]:
    needed = {name}
    for stage in reversed(GRAPH.stages):
        if stage.name in needed:
            needed |= set(stage.inputs)
    return needed
