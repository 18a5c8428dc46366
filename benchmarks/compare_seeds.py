"""False alarms of ``pipeline compare --fail-if-worse``, and the regressions that it finds.

``python -m benchmarks.compare_seeds [CONFIG] [KEY=VALUE ...] [--comparisons 100]`` trains ten new
seeds of a configuration for each comparison and compares the first five with the other five, once
as they are and once with a regression of half a point planted into the predictions of the latter.
The runs stay in runs/benchmarks/compare_seeds, so that an interrupted benchmark continues.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from statistics import stdev
from typing import Any

import numpy as np

from benchmarks.machine import SCRATCH, save
from pipeline.api import run
from pipeline.comparison.changes import compare_files
from pipeline.comparison.pairs import compare_pair
from pipeline.comparison.runs import member_of
from pipeline.comparison.sides import RUN, Member, Side
from pipeline.comparison.verdict import SIGNIFICANCE, judge
from pipeline.engine.records import Record
from pipeline.engine.workspace import Workspace
from pipeline.progress import Silent

SEEDS = 5  # of each side
REGRESSION = 0.005
METRIC = "accuracy"


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, compare, and write the results to benchmarks/results/NAME.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", nargs="?", default="configs/smoke.yaml")
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--comparisons", type=int, default=100)
    parser.add_argument("--name", default="compare_seeds", help="of the file of results")
    given = parser.parse_args(arguments)
    workspace = Workspace(SCRATCH / "compare_seeds")
    count = 2 * SEEDS * given.comparisons
    members = [_train(given.config, given.overrides, seed, workspace) for seed in range(count)]
    found = measure(members)
    save(given.name, {"config": given.config, "overrides": given.overrides, **found})
    print(found)


def measure(members: Sequence[Member]) -> dict[str, Any]:
    """Return how many comparisons of five with five members are significant."""
    random = np.random.default_rng(0)
    groups = [members[first : first + SEEDS] for first in range(0, len(members), SEEDS)]
    sides = [Side(str(n), RUN, "", tuple(group)) for n, group in enumerate(groups)]
    pairs = list(zip(sides[::2], sides[1::2], strict=True))
    planted = [(first, _worse(other, random)) for first, other in pairs]
    files = [
        compare_files(*two).test.p_value for two in zip(members[::2], members[1::2], strict=True)
    ]
    return {
        "test_images": members[0].metrics.images,
        "comparisons": len(pairs),
        "seeds": SEEDS,
        "significance": SIGNIFICANCE,
        "spread_points": 100 * stdev(member.score(METRIC) for member in members),
        "false_alarms": sum(_is_worse(*pair) for pair in pairs),
        "regression_points": 100 * REGRESSION,
        "regressions_found": sum(_is_worse(*pair) for pair in planted),
        "pairs_of_files": len(files),
        "pairs_that_differ": sum(p_value <= SIGNIFICANCE for p_value in files),
    }


def _is_worse(first: Side, other: Side) -> bool:
    pair = compare_pair(first, other, [METRIC])
    return judge([pair], METRIC, SIGNIFICANCE).judgments[0].is_worse


def _worse(side: Side, random: np.random.Generator) -> Side:
    """Return a side whose members are wrong on half a percent more of the test images."""
    return replace(side, members=tuple(_spoiled(member, random) for member in side.members))


def _spoiled(member: Member, random: np.random.Generator) -> Member:
    labels, predictions = member.test_set.labels(), member.predictions.copy()
    right = np.flatnonzero(member.task.labels_of(predictions) == labels)
    chosen = random.choice(right, round(REGRESSION * len(labels)), replace=False)
    predictions[chosen] = np.roll(predictions[chosen], 1, axis=1)  # the next class
    metrics = member.task.evaluate(predictions, labels, member.test_set.class_names)
    return replace(member, predictions=predictions, metrics=metrics)


def _train(config: str, overrides: Sequence[str], seed: int, workspace: Workspace) -> Member:
    result = run(
        config,
        [*overrides, f"train.seed={seed}"],
        workspace=workspace.root,
        until="evaluate",
        progress=Silent(),
    )
    stages = {stage.name: stage.output.fingerprint for stage in result.stages}
    values = result.config.model_dump(mode="json")
    record = Record(
        result.name, stages["train"], values, result.data.source, stages, "evaluate", ""
    )
    return member_of(record, workspace.store)


if __name__ == "__main__":
    main()
