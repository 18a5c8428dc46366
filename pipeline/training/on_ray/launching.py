"""Start the workers of a training on Ray, show the progress of worker 0, and return its facts."""

import os
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.artifacts.stage_facts import TrainFacts
from pipeline.engine.context import Context
from pipeline.engine.stage import Outcome
from pipeline.errors import MachineError, MissingExtra, PipelineError, sentence
from pipeline.progress import Progress, Silent, Task
from pipeline.system import daemon_threads
from pipeline.system.ray_cluster import (
    ADDRESS,
    HeadWatch,
    capacity,
    check_address,
    cluster_lost,
    connected,
    ray_settings,
)
from pipeline.system.scratch import scratch_folder
from pipeline.training.members import checkpoint_of, remove_files

if TYPE_CHECKING:
    from pipeline.config.training_schema import Train

RETRIES = 3  # of the group, after a worker was lost
_POLL_SECONDS = 0.2
_START_SECONDS = "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S"


def train_on_ray(context: Context, folder: Path) -> Outcome[TrainFacts]:
    """Train a network with workers on Ray; they write it into ``folder``, and its facts return.

    Raises:
        MissingExtra: Ray is not installed.
        MachineError: Ray cannot be started or reached, or workers were lost repeatedly.
        PipelineError: the training failed.
    """
    config = context.config.train
    remove = partial(remove_files, checkpoint_of(context), context.config.model.members)
    if context.forced:
        remove()
    with _address(config.cluster):
        check_address()
        with ray_settings():
            os.environ[_START_SECONDS] = str(config.join_seconds)
            try:
                import ray.train  # noqa: F401  (to find out whether it can be imported)
            except ImportError as error:
                raise MissingExtra("Training with several workers", "ray") from error
            with (
                context.progress.task("starting Ray"),
                connected(config.workers * (config.threads or 1)),
            ):
                facts = _train(context, folder)
    return Outcome(facts, on_written=remove)


def _train(context: Context, folder: Path) -> TrainFacts:
    import ray

    from pipeline.training.on_ray.reports import Reports

    reports: Any = ray.remote(num_cpus=0)(Reports).remote()
    with scratch_folder(context.workspace.store.root) as files:
        ended = daemon_threads.start(_fit, context, folder, files.resolve(), reports)
        with _Shown(context.progress) as shown:
            try:
                _show_until(ended, shown, reports)
            except ray.exceptions.RayError as error:
                reason = f"a process of it is unavailable ({type(error).__name__})."
                raise cluster_lost(reason) from error
    return shown.facts(ended, context.config.train)


def _show_until(ended: "Future[None]", shown: "_Shown", reports: Any) -> None:
    """Show the reports of worker 0 until the training has ended."""
    import ray

    watch = HeadWatch(ray.get_runtime_context().gcs_address)
    while not ended.done():
        wait([ended], _POLL_SECONDS)
        watch.check()
        shown.show(ray.get(reports.take.remote()))
    shown.show(ray.get(reports.take.remote()))


def _fit(context: Context, folder: Path, files: Path, reports: Any) -> None:
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.tensorflow import TensorflowTrainer

    from pipeline.training.on_ray.worker import work

    config = context.config.train
    TensorflowTrainer(
        work,
        train_loop_config={
            "context": replace(context, progress=Silent(), forced=False),
            "folder": folder.resolve(),
            "current": Path.cwd(),
            "reports": reports,
        },
        scaling_config=ScalingConfig(
            num_workers=config.workers, resources_per_worker={"CPU": config.threads or 1}
        ),
        run_config=RunConfig(
            name="train",
            storage_path=str(files),
            failure_config=FailureConfig(max_failures=RETRIES, controller_failure_limit=0),
        ),
    ).fit()


class _Shown:
    """Shows reports of worker 0, and keeps its result."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._tasks = progress, ExitStack()
        self._task: Task | None = None
        self._result: TrainFacts | PipelineError | None = None

    def __enter__(self) -> "_Shown":
        return self

    def __exit__(self, *_: object) -> None:
        self._tasks.close()

    def show(self, reports: list[tuple[str, tuple[Any, ...]]]) -> None:
        """Show reports in their order."""
        from pipeline.training.on_ray.reports import BEGAN, ENDED, FINISHED, UPDATED

        for method, arguments in reports:
            if method == FINISHED:
                [self._result] = arguments
            elif method == BEGAN:
                description, total, unit = arguments
                self._tasks.close()  # of an attempt that ended in it
                task = self._progress.task(description, total, unit=unit)
                self._task = self._tasks.enter_context(task)
            elif method == UPDATED and self._task:
                self._task.update(*arguments)
            elif method == ENDED:
                self._tasks.close()
            else:
                getattr(self._progress, method)(*arguments)

    def facts(self, ended: "Future[None]", config: "Train") -> TrainFacts:
        """Return the facts of the training.

        Raises:
            MachineError: workers were lost repeatedly, or could not start.
            PipelineError: the training failed.
        """
        if isinstance(self._result, PipelineError):
            raise self._result
        error = ended.exception()
        if _have_not_started(error):
            raise _too_few_processors(config)
        if self._result is None or error:
            reason = sentence(error, 400) if error else "Worker 0 ended without a result."
            raise MachineError(
                f"Training with several workers on Ray failed: {reason} Run the same command again "
                "to resume from the last checkpoint."
            )
        return self._result


def _have_not_started(error: BaseException | None) -> bool:
    # The class is not public.
    failure = getattr(error, "controller_failure", None)
    return type(failure).__name__ == "WorkerGroupStartupTimeoutError"


def _processors(count: int) -> str:
    return "1 processor" if count == 1 else f"{count} processors"


def _too_few_processors(config: "Train") -> MachineError:
    threads = config.threads or 1
    return MachineError(
        f"Ray did not start {config.workers} workers with {_processors(threads)} each within "
        f"{config.join_seconds} s (train.join_seconds): the cluster has room for "
        f"{capacity(threads)}. Use fewer workers (train.workers), or fewer threads for each "
        "(train.threads), or add nodes."
    )


@contextmanager
def _address(cluster: str | None) -> Iterator[None]:
    """Name the cluster as Ray reads it."""
    before = os.environ.get(ADDRESS)
    if cluster:
        os.environ[ADDRESS] = cluster
    try:
        yield
    finally:
        if cluster and before is None:
            del os.environ[ADDRESS]
        elif cluster and before is not None:
            os.environ[ADDRESS] = before
