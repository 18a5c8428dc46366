"""The run of Ray Tune that runs all trials of a study, in a thread of its own.

Tune asks a searcher for trials and calls back with their results; here, trials are submitted and
results are waited for, as with the executors of ``concurrent.futures``. A study that is resumed
finds its trials in the workspace, so nothing of what Tune stores is kept.
"""

from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from pathlib import Path

from ray import tune

from pipeline.engine.workspace import Workspace
from pipeline.errors import MachineError, sentence
from pipeline.studies.on_ray.tune_hooks import RETRIES, Results, Submissions, UntilClosed
from pipeline.studies.on_ray.worker import Finished, TrialWorker
from pipeline.studies.reading import Study
from pipeline.studies.search.search import Proposal
from pipeline.system import daemon_threads
from pipeline.system.atomic import explain_storage_errors
from pipeline.system.ray_cluster import capacity
from pipeline.system.scratch import scratch_folder

_END_SECONDS = 30  # for Tune to notice that its processes have ended


@contextmanager
def tune_run(study: Study, workspace: Workspace) -> Iterator["TuneRun"]:
    """Start the run of a study, and end its processes when the block ends."""
    files = workspace.store.root / "ray"  # in the workspace, which the nodes of a cluster share
    with explain_storage_errors(files):
        files.mkdir(parents=True, exist_ok=True)
    with scratch_folder(files) as folder:
        run = TuneRun(study, workspace, folder)
        try:
            yield run
        finally:
            run.close()
    with suppress(OSError):  # another study uses it
        files.rmdir()


class TuneRun:
    """Runs trials that are submitted."""

    def __init__(self, study: Study, workspace: Workspace, folder: Path) -> None:
        self._threads = study.settings.threads
        self._submissions = Submissions()
        self._results = Results(self._submissions)
        tuner = self._tuner(study, workspace, folder.resolve())
        self._ended = daemon_threads.start(self._run, tuner)

    def places(self) -> int:
        """Return how many trials to submit: one waits, so that no worker has to."""
        self._submissions.limit = max(1, capacity(self._threads))
        return self._submissions.limit + 1

    def submit(self, proposal: Proposal) -> "Future[Finished]":
        """Run a trial; the future raises ``Crashed``, or ``MachineError`` if Tune has failed."""
        return self._submissions.submit(proposal)

    def close(self) -> None:
        """End the run, and with it the trials that are running."""
        self._submissions.close()
        self._results.kill_running()
        wait([self._ended], _END_SECONDS)

    def _tuner(self, study: Study, workspace: Workspace, folder: Path) -> tune.Tuner:
        worker = tune.with_parameters(
            TrialWorker, study=study, workspace=workspace, folder=Path.cwd()
        )
        return tune.Tuner(
            tune.with_resources(worker, {"CPU": self._threads}),
            tune_config=tune.TuneConfig(
                search_alg=self._submissions,
                num_samples=-1,
                reuse_actors=True,
                trial_dirname_creator=lambda trial: trial.trial_id,
            ),
            run_config=tune.RunConfig(
                name="tune",
                storage_path=str(folder),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                failure_config=tune.FailureConfig(max_failures=RETRIES),
                callbacks=[self._results],
                stop=UntilClosed(self._submissions),
                verbose=0,
            ),
        )

    def _run(self, tuner: tune.Tuner) -> None:
        try:
            tuner.fit()
            error = "It ended before the study."
        except Exception as raised:  # noqa: BLE001  (of any kind: it is raised where results are awaited)
            error = sentence(raised)
        self._submissions.fail(
            MachineError(
                f"Ray Tune failed: {error} Completed trials are saved: run the same command again "
                "to resume."
            )
        )
