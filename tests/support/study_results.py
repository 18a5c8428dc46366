"""Results of studies that were not run: plausible curves drawn from a seeded generator."""

import json
import math
import random
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from pipeline.artifacts.history import Logs
from pipeline.artifacts.metrics import Metrics
from pipeline.progress import TrainingCost
from pipeline.studies.axes import Values
from pipeline.studies.reading import read_study
from pipeline.studies.results import StudyResult
from pipeline.studies.trial import Status, Trial
from pipeline.tasks.task import Score
from tests.support.paths import SMOKE

ACCURACY, RMSE = Score("accuracy"), Score("rmse", is_error=True)
RATE, SEED, SIZE = "optimizer.learning_rate", "train.seed", "train.batch_size"
DATA = "data.tfds_dir"  # a key that may be any text
OPTIMIZERS: dict[str, Any] = {  # with the rate that is best for it
    "sgd": 0.3,
    "momentum": 0.03,
    "adagrad": 0.03,
    "rmsprop": 0.001,
    "adam": 0.001,
    "nadam": 0.001,
    "adamax": 0.003,
    "adadelta": 3,
}
_NAMED = {"momentum": {"name": "sgd", "momentum": 0.9}}
_IMAGES = 55_000


def study_result(
    folder: Path, trials: Sequence[Trial], score: Score = ACCURACY, **settings: Any
) -> StudyResult:
    """Return the result of a study with these trials; its axes are not those of the trials."""
    if score.is_error:
        changes = {"task": "regression", "data.target": "value", "publish.min_accuracy": 0}
        settings = {"overrides": changes, **settings}
    study = {"name": "optimizers", "base": str(SMOKE), "axes": {SEED: [0]}, **settings}
    file = folder / "study.yaml"
    file.write_text(json.dumps(study))
    result = StudyResult(read_study(file), folder / "results", score, tuple(trials), {})
    tested = {
        trial.fingerprint: Metrics(10_000, 0.1, {score.name: trial.metrics[score.name] - 0.001})
        for trial in (result.winner.trials if result.winner else ())
        if trial.status == "complete"
    }
    return StudyResult(result.study, result.folder, score, result.trials, tested)


def grid_of_trials(
    optimizers: Sequence[str] = tuple(OPTIMIZERS),
    sizes: Sequence[int | str] = (16, 64, 1024, "full"),
    rates: Sequence[float] = (0.001, 0.01, 0.03, 0.3, 3),
    seeds: Sequence[int] = (0, 1, 2),
    epochs: int = 10,
) -> list[Trial]:
    """Return the trials of a grid: large rates diverge, one trial is pruned and one stalls."""
    trials = [
        plausible_trial(name, size, rate, seed, epochs)
        for name, size, rate, seed in product(optimizers, sizes, rates, seeds)
    ]
    sound = [number for number, trial in enumerate(trials) if trial.status == "complete"]
    ends: tuple[Status, ...] = ("pruned", "stalled")
    for number, status in zip(sound[1::9][:2], ends, strict=False):
        trials[number] = ended_early(trials[number], status)
    return trials


def plausible_trial(optimizer: str, size: int | str, rate: float, seed: int, epochs: int) -> Trial:
    """Return a trial whose curves depend on how far the rate is from a good one."""
    values: Values = {
        "optimizer": _NAMED.get(optimizer, optimizer),
        SIZE: size,
        RATE: rate,
        SEED: seed,
    }
    chance = random.Random(repr(values))
    images = _IMAGES if size == "full" else int(size)
    off = math.log10(rate / OPTIMIZERS[optimizer]) - 0.3 * math.log10(images / 64)
    steps = math.ceil(_IMAGES / images)
    history, costs = [], []
    for epoch in range(1, epochs + 1):
        if off > 1.6 and epoch > 2:
            break
        progress = (steps * epoch) ** 0.35 * math.exp(-off * off) * 0.6
        loss = (
            2.3 / (1 + progress) ** 1.3 + 0.01 * chance.random() + (0.4 * epoch if off > 1.6 else 0)
        )
        history.append(logs_of(loss, chance.gauss(0, 0.002)))
        costs.append(TrainingCost(epoch * (0.05 + steps * 3e-4), epoch * steps, epoch * _IMAGES))
    if off > 1.6:
        reason = "The loss became NaN in epoch 3. Lower optimizer.learning_rate."
        return _trial(values, "diverged", {}, history, costs, reason)
    last = history[-1]
    metrics = {"loss": last["val_loss"], "accuracy": last["val_accuracy"]}
    return _trial(values, "complete", metrics, history, costs)


def ended_early(trial: Trial, status: Status, epochs: int = 3) -> Trial:
    """Return the trial as one that ended for another reason after some epochs."""
    history, costs = trial.history[:epochs], trial.costs[:epochs]
    last = history[-1]
    metrics = {"loss": last["val_loss"], "accuracy": last["val_accuracy"]}
    reasons = {
        "pruned": (metrics, f"stopped by the pruner after epoch {epochs}"),
        "stalled": ({}, "All outputs are 0: the network cannot learn any more."),
        "complete": (metrics, ""),
    }
    found, reason = reasons[status]
    return _trial(trial.values, status, found, history, costs, reason)


def logs_of(loss: float, noise: float = 0.0) -> Logs:
    """Return the logs of an epoch of a classifier."""
    accuracy = min(max(1 - 0.39 * loss + noise, 0.1), 0.995)
    return {
        "loss": loss,
        "accuracy": min(accuracy + 0.004, 1.0),
        "val_loss": loss * 1.05,
        "val_accuracy": accuracy,
    }


def as_regression(trial: Trial) -> Trial:
    """Return a trial with the logs of a regression, which measures no RMSE after each epoch."""
    history = [
        {
            "loss": logs["loss"],
            "mae": logs["loss"],
            "val_loss": logs["val_loss"],
            "val_mae": logs["loss"],
        }
        for logs in trial.history
    ]
    last = history[-1]["val_loss"]
    found = {"loss": last, "mae": 2 * last}
    if trial.status == "complete":
        found["rmse"] = (2 * last) ** 0.5
    return _trial(trial.values, trial.status, found, history, trial.costs, trial.reason)


def _trial(
    values: Values,
    status: Status,
    metrics: dict[str, float],
    history: Sequence[Logs],
    costs: Sequence[TrainingCost],
    reason: str = "",
) -> Trial:
    fingerprint = f"{random.Random(repr(values)).getrandbits(64):016x}"
    return Trial(values, status, metrics, fingerprint, tuple(history), tuple(costs), reason)


HOSTILE = (
    "</script><script>alert(1)</script>",
    "<!--part data--> <img src=x onerror=alert(2)>",
    "/*data*/null | `code` **bold** \"quoted\" 'single' &amp; \\",
)


def study_cases(folder: Path) -> dict[str, StudyResult]:
    """Return a study of each kind that documents must be able to show."""
    rates, seeds = (0.03, 0.3), (0, 1)
    small = grid_of_trials(("sgd", "momentum", "adam"), (16, 64, "full"), rates, seeds, epochs=5)
    two = grid_of_trials(("sgd", "adam"), (16, 64), (0.01,), (0,), epochs=2)
    cases: dict[str, tuple[list[Trial], dict[str, Any]]] = {
        "grid": (small, {"target": 0.9}),
        "hostile": (hostile_trials(), {}),
        "single": ([Trial({}, "complete", two[0].metrics, "f", two[0].history, two[0].costs)], {}),
        "failed": ([ended_early(trial, "stalled", 1) for trial in two[:2]], {"target": 0.9}),
        "empty": ([Trial({RATE: 1}, "diverged", {}, "f", reason="The loss is NaN.")], {}),
        "regression": ([as_regression(trial) for trial in two], {"score": RMSE, "target": 0.5}),
        "conditional": (conditional_trials(), {}),
        "short": ([ended_early(small[0], "complete", 1), *small[1:3]], {}),
    }
    return {
        name: study_result(_new_folder(folder / name), trials, **settings)
        for name, (trials, settings) in cases.items()
    }


def hostile_trials() -> list[Trial]:
    """Return trials whose values and reasons are markup."""
    one, two = grid_of_trials(("sgd",), (16, 64), (0.3,), (0,), epochs=2)
    failed = ended_early(two, "stalled", 1)
    return [
        _trial({**one.values, DATA: HOSTILE[0]}, "complete", one.metrics, one.history, one.costs),
        _trial(
            {**two.values, DATA: HOSTILE[1]},
            "stalled",
            {},
            failed.history,
            failed.costs,
            HOSTILE[2],
        ),
    ]


def conditional_trials() -> list[Trial]:
    """Return trials with keys that only some of them have, and values that are lists."""
    trials = grid_of_trials(("sgd", "momentum", "adam"), (16, 64), (0.01,), (0,), epochs=3)
    extra: dict[str, Values] = {
        "sgd": {"model.hidden": [32, 16]},
        "adam": {"model.dropout": 0.1, "model.hidden": []},
    }
    return [
        _trial(
            {**trial.values, **extra.get(str(trial.values["optimizer"]), {})},
            "complete",
            trial.metrics,
            trial.history,
            trial.costs,
        )
        for trial in trials
    ]


def _new_folder(folder: Path) -> Path:
    folder.mkdir()
    return folder
