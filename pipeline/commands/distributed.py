"""A run whose network is trained by several workers: join them, and follow worker 0."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.artifacts.data_source import Source
from pipeline.artifacts.stage_facts import DataFacts
from pipeline.config.schema import Config
from pipeline.engine.context import Context
from pipeline.engine.plan import Plan
from pipeline.engine.stage import load
from pipeline.engine.workspace import Workspace
from pipeline.errors import MachineError
from pipeline.progress import Progress
from pipeline.stages import GRAPH
from pipeline.training.distributed.membership import VARIABLE, Membership


@contextmanager
def joined(config: Config, membership: Membership | None, progress: Progress) -> Iterator[None]:
    """Join the other workers, if there are any; at the end of the block they end too.

    Raises:
        MachineError: a worker was not there in time.
    """
    if membership is None:
        if config.train.workers == 1 and os.environ.get(VARIABLE):
            progress.notice(
                f"{VARIABLE} is set, but train.workers is 1: this process trains alone."
            )
        yield
        return
    group = _join(config, membership, progress)
    with load("pipeline.training.distributed.leading").ending(group):
        yield


def follow_training(
    config: Config, workspace: Workspace, progress: Progress, membership: Membership
) -> bool:
    """Follow worker 0 until it ends; return whether it has trained.

    Raises:
        PipelineError: a worker was not there in time or was lost, or the training failed.
    """
    group = _join(config, membership, progress)

    def context_of(message: dict[str, Any]) -> Context:
        source = Source(message["kind"], "worker 0", content=message["content"])
        planned = Plan(GRAPH, config, source, workspace)
        data = planned.output(DataFacts)
        if data is None:
            raise MachineError(
                f"The data that worker 0 has prepared is not in {workspace.store.root}. All "
                "workers need the same configuration, and the same workspace in a folder that they "
                "share."
            )
        outputs = {DataFacts.stage: data}
        return Context(config, workspace, source, planned.fingerprints, progress, outputs)

    with progress.task(f"following worker 0 as worker {membership.rank}"):
        trained: bool = load("pipeline.training.distributed.following").follow(group, context_of)
    return trained


def _join(config: Config, membership: Membership, progress: Progress) -> Any:
    others = membership.size - 1
    with progress.task(f"waiting for {others} other worker{'s' if others > 1 else ''}"):
        return load("pipeline.training.distributed.joining").join(config, membership)
