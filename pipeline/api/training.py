"""Run the pipeline, and studies of many runs."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.api.arguments import DEFAULT_CONFIG
from pipeline.artifacts.stage_facts import PublishFacts
from pipeline.commands.distributed import follow_training, joined
from pipeline.commands.loading import PathLike
from pipeline.config import read
from pipeline.config.callback_files import require_inside, require_paths
from pipeline.config.own_code import check_references, refuse_own_code
from pipeline.config.schema import Config
from pipeline.engine.records import record_id
from pipeline.engine.runner import StageResult, output_of
from pipeline.engine.workspace import Workspace
from pipeline.errors import RequestError
from pipeline.live.event_files import EventFiles
from pipeline.progress import Progress, WithListeners, default_progress
from pipeline.publishing.publication import PublishedBefore
from pipeline.publishing.published_folder import PublishedModel, find_published
from pipeline.results.run_result import RunResult, run_result
from pipeline.stages import run_stages
from pipeline.tracking.tracked_run import tracking
from pipeline.training.distributed.membership import VARIABLE, find_membership

if TYPE_CHECKING:
    from pipeline.studies.results import StudyResult


def run(
    config: PathLike = DEFAULT_CONFIG,
    overrides: Sequence[str] = (),
    *,
    workspace: PathLike = ".",
    until: str = "publish",
    force: str | None = None,
    own_code: bool = True,
    allow_outside: bool = False,
    progress: Progress | None = None,
) -> RunResult:
    """Run the pipeline and return metrics, stages, verification and the published version.

    With ``train.workers``, this is worker 0; ``follow`` is for the others.

    Without ``own_code``, a configuration that refers to Python files (``FILE.py:NAME``) is refused;
    with ``allow_outside``, Keras callbacks may write files outside the workspace.

    Raises:
        PipelineError: the run failed; the message explains why and what to do.
    """
    read_config = read(Path(config), overrides)
    resolved = Workspace(Path(workspace))
    membership = find_membership(read_config)
    if membership and not membership.leads:
        raise RequestError(
            f"Only worker 0 can run the pipeline; this is worker {membership.rank} of "
            f"{membership.size} ({VARIABLE}). Call follow() with the same arguments."
        )
    _check_files(read_config, resolved, own_code=own_code, allow_outside=allow_outside)
    publishes = until == PublishFacts.stage
    before = PublishedBefore.of(resolved.exported / read_config.name) if publishes else None
    with (
        _listening(read_config, resolved, progress or default_progress()) as listening,
        joined(read_config, membership, listening),
    ):
        results = run_stages(read_config, resolved, listening, until=until, force=force)
    published = _published(results, resolved)
    label = read_config.publish.label
    publication = before.compare(published, label) if before and published else None
    return run_result(read_config, results, published, publication)


def follow(
    config: PathLike = DEFAULT_CONFIG,
    overrides: Sequence[str] = (),
    *,
    workspace: PathLike = ".",
    progress: Progress | None = None,
) -> bool:
    """Take part in the training of worker 0, which ``run`` starts there; write no files.

    Returns whether there was a training: the network of worker 0 may have been up to date.

    Raises:
        PipelineError: this worker cannot take part, or the training failed.
    """
    read_config = read(Path(config), overrides)
    membership = find_membership(read_config)
    if membership is None or membership.leads:
        raise RequestError(
            f"Only a worker other than worker 0 can follow; {VARIABLE} or train.workers says that "
            "this process is not one. Call run()."
        )
    return follow_training(
        read_config, Workspace(Path(workspace)), progress or default_progress(), membership
    )


def worker_rank(config: PathLike = DEFAULT_CONFIG, overrides: Sequence[str] = ()) -> int:
    """Return the rank of this process among the workers of a training, by ``TF_CONFIG``.

    Raises:
        PipelineError: the configuration or the variable is invalid.
    """
    membership = find_membership(read(Path(config), overrides))
    return membership.rank if membership else 0


def study(
    file: PathLike,
    *,
    workspace: PathLike = ".",
    own_code: bool = True,
    allow_outside: bool = False,
    progress: Progress | None = None,
) -> "StudyResult":
    """Run the trials of a study that are not stored, and return the results of all.

    ``own_code`` and ``allow_outside`` are as in ``run``. Documents with the results are written to
    ``studies/<name>/`` in the workspace.

    Raises:
        PipelineError: the study is invalid, or a trial cannot run.
    """
    from pipeline.studies.reading import read_study
    from pipeline.studies.study import run_study

    resolved, found = Workspace(Path(workspace)), read_study(Path(file))
    for config in found.checked_configs():
        _check_files(config, resolved, own_code=own_code, allow_outside=allow_outside)
    return run_study(found, resolved, progress or default_progress())


@contextmanager
def _listening(config: Config, workspace: Workspace, progress: Progress) -> Iterator[Progress]:
    """Yield a progress whose reports of a training also go to everything that records it."""

    def folder_of(fingerprint: str) -> Path:
        return workspace.event_files / record_id(config.name, fingerprint)

    with (
        tracking(config, workspace, progress) as tracked,
        closing(EventFiles(folder_of, progress.notice)) as event_files,
    ):
        yield WithListeners(progress, [event_files, *tracked])


def _check_files(
    config: Config, workspace: Workspace, *, own_code: bool, allow_outside: bool
) -> None:
    """Check the files that callbacks refer to."""
    if not own_code:
        refuse_own_code(config)
    check_references(config)
    require_paths(config)
    if not allow_outside:
        require_inside(config, workspace.root)


def _published(results: list[StageResult], workspace: Workspace) -> PublishedModel | None:
    output = output_of(results, PublishFacts)
    if output is None:
        return None
    facts = output.facts
    return find_published(workspace.exported / facts.name / str(facts.version))
