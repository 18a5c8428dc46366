"""Train, verify and publish dense networks from one YAML file.

The map of the package, from the bottom up. A module imports only from rooms above its own here:

    errors, progress   the error tree; the interface of progress
    system/            files that appear whole or not at all, locks, resources, wire formats
    config/            the typed, frozen configuration
    artifacts/         what stages exchange: data set, facts, checks, contract, formats
    imaging/           untrusted pictures to tensors
    engine/            the caching runner; it knows no particular stage
    tasks/             what differs between multiclass classification and other tasks
    runtimes/          the Predictor, and one module for each runtime that opens exported files
    data/ models/ training/ evaluation/ export/ verification/ publishing/
                       the work of the stages
    stages             the stages and their order
    commands/          why, doctor, predict, verify
    serving/           HTTP and gRPC over published models: the command serve
    api                one call for each command
    terminal/ cli      the command line

Nothing heavy is imported here: the public calls are resolved when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pipeline.terminal  # noqa: F401  (scripts see the terminal's progress by default)

if TYPE_CHECKING:
    from pipeline.api import (
        diagnose,
        list_models,
        load_model,
        predict,
        resolve_config,
        run,
        serve,
        verify,
        why,
    )

__all__ = [
    "diagnose",
    "list_models",
    "load_model",
    "predict",
    "resolve_config",
    "run",
    "serve",
    "verify",
    "why",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("pipeline.api"), name)
    raise AttributeError(f"module 'pipeline' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
