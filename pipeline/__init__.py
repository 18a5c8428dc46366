"""From a YAML file to a proven, published dense network.

The map of the package, from the bottom up; a module imports only what stands above it here:

    errors                      the error tree
    progress, atomic, machine   what users see meanwhile; files that appear whole or not at all
    digits, jpeg, wire          pictures as people have them; files and messages from elsewhere
    config/                     the typed, frozen configuration
    store, workspace            stage outputs on disk, and the folder they are in
    fingerprints, handover      what an output depends on; the files stages hand to each other
    export/contract, formats    names, dtypes, shapes and file names of what is exported
    runtimes/                   the Predictor protocol, and one module a runtime
    context                     what a stage may read
    data/ names model optimizers training/ evaluation export/
                                the work of the stages
    provable                    whether a configuration can be written and proven here
    verification/ publishing/   the gates
    stages running              the stage graph: what is up to date; running what is not
    reasons, reverification, file_verification, diagnosis, prediction
                                the commands why, verify, doctor, predict
    serving/                    HTTP and gRPC over published models: the command serve
    api                         one call for each command
    terminal/ cli               the command line

Nothing heavy is imported here: the public calls are resolved when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

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
