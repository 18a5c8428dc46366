"""What each worker of Ray Train runs."""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.engine.context import Context
from pipeline.errors import MachineError, PipelineError
from pipeline.system.tensorflow_import import tensorflow_import
from pipeline.training.distributed.membership import VARIABLE, parse


def work(settings: dict[str, Any]) -> None:
    """Join the other workers, and lead or follow the training of the context.

    Raises:
        MachineError: a worker was lost, or this one cannot train; Ray starts all again.
    """
    os.environ.pop("TF_USE_LEGACY_KERAS", None)  # set by Ray
    os.chdir(settings["current"])
    context: Context = settings["context"]
    membership = parse(os.environ[VARIABLE])
    with tensorflow_import():
        from pipeline.training.distributed.following import LeaderFailed, follow
        from pipeline.training.distributed.joining import join
    group = join(context.config, membership)
    if membership.leads:
        _lead(context, settings["folder"], settings["reports"])
    else:
        with suppress(LeaderFailed):  # worker 0 reports its error, or raises it
            follow(group, lambda _message: context)


def _lead(context: Context, folder: Path, reports: Any) -> None:
    from pipeline.training import stage
    from pipeline.training.on_ray.reports import Reporting

    progress = Reporting(reports)
    result: Any
    try:
        result = stage.run(replace(context, progress=progress), folder).facts
    except MachineError:  # another attempt may succeed
        raise
    except PipelineError as error:
        result = error
    progress.finished(result)
