"""Train, verify and publish dense networks from one YAML file.

The rooms of the package, from the lowest to the highest; a module imports only from earlier lines:

    errors, progress   error classes; the progress interface
    system/            atomic files, locks, machine resources, wire formats
    config/            the typed, frozen configuration
    artifacts/         what stages exchange: data set, facts, checks, contract, formats
    imaging/           untrusted image files to tensors
    engine/            the caching runner, independent of any particular stage
    tasks/             everything specific to a task, such as multiclass classification
    runtimes/          the Predictor interface, and one module for each runtime
    data/ models/ training/ evaluation/ export/ verification/ publishing/
                       the implementations of the stages
    reporting/         the page of a run: measures, figures, sections
    live/              the curves of a training while it runs
    comparison/        sides of a comparison, statistics, and what differs
    stages             the stages and their order
    studies/           many runs, compared
    reproduction/      published versions run again, and compared
    tracking/          runs in MLflow
    results/           the result of a run, as numbers, sentences and HTML
    commands/          why, runs, watch, clean, doctor, predict, evaluate, verify, compare
    batch_prediction/  many images into one Parquet file: the option --output of predict
    serving/           published models over HTTP and gRPC: the command serve
    api/               one function for each command
    terminal/ cli      the command line

Importing the package is cheap: public functions are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pipeline.terminal  # noqa: F401  (scripts show progress on the terminal by default)

if TYPE_CHECKING:
    from pipeline.api import (
        clean,
        compare,
        diagnose,
        evaluate,
        follow,
        gc,
        history,
        label,
        labels,
        list_models,
        load_model,
        predict,
        predict_batch,
        promote,
        remove,
        report,
        reproduce,
        resolve_config,
        rollback,
        run,
        runs,
        serve,
        sign,
        study,
        tensorboard_command,
        track_drop,
        track_status,
        track_sync,
        verify,
        watch,
        why,
    )

__all__ = [
    "clean",
    "compare",
    "diagnose",
    "evaluate",
    "follow",
    "gc",
    "history",
    "label",
    "labels",
    "list_models",
    "load_model",
    "predict",
    "predict_batch",
    "promote",
    "remove",
    "report",
    "reproduce",
    "resolve_config",
    "rollback",
    "run",
    "runs",
    "serve",
    "sign",
    "study",
    "tensorboard_command",
    "track_drop",
    "track_status",
    "track_sync",
    "verify",
    "watch",
    "why",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("pipeline.api"), name)
    raise AttributeError(f"module 'pipeline' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
