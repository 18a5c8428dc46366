"""Open the executor on Ray; Ray is imported only here and in modules that this one imports."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.engine.workspace import Workspace
from pipeline.errors import MissingExtra
from pipeline.progress import Progress, Task
from pipeline.studies.reading import Study
from pipeline.studies.trial_runs import prepare_data
from pipeline.system.ray_cluster import capacity, check_address, connected, ray_settings

if TYPE_CHECKING:
    from pipeline.studies.on_ray.executor import RayExecutor


@contextmanager
def ray_executor(
    study: Study, workspace: Workspace, progress: Progress, task: Task
) -> Iterator["RayExecutor"]:
    """Start Ray or connect to it, and yield an executor; ``task`` shows how many are complete.

    Raises:
        RequestError: ``RAY_ADDRESS`` is not the address of a cluster.
        MissingExtra: Ray is not installed.
        MachineError: Ray cannot be started, or the cluster cannot be reached.
        PipelineError: the data cannot be prepared.
    """
    threads = study.settings.threads
    check_address()
    with ray_settings():
        try:
            import ray.tune  # noqa: F401  (to find out whether it can be imported)
        except ImportError as error:
            raise MissingExtra("A study on Ray", "ray") from error
        from pipeline.studies.on_ray.executor import RayExecutor
        from pipeline.studies.on_ray.tune_run import tune_run

        with connected(threads):
            prepare_data(study, workspace, progress)
            if not capacity(threads):
                progress.notice(
                    f"No node of the Ray cluster has {threads} CPUs, which a trial of this study "
                    "needs (threads). The study waits for such a node."
                )
            with tune_run(study, workspace) as run:
                yield RayExecutor(study, workspace, progress, task, run)
