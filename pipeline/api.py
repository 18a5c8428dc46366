"""The Python API: one function for each command of the command line."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from pipeline.artifacts.checks import Check
from pipeline.artifacts.stage_facts import (
    DataFacts,
    EvaluateFacts,
    LayerSummary,
    PublishFacts,
    TrainFacts,
    VerifyFacts,
)
from pipeline.commands.clean import Removed
from pipeline.commands.clean import clean as _clean
from pipeline.commands.compare import compare_named, write_comparison
from pipeline.commands.doctor import Finding
from pipeline.commands.doctor import diagnose as _diagnose
from pipeline.commands.explain import Explanation, Sample, write_explanation
from pipeline.commands.explain import explain as explain_steps
from pipeline.commands.gradcheck import check_configured
from pipeline.commands.predict import PathLike, load_model, predict
from pipeline.commands.report import report as _report
from pipeline.commands.retention import retention
from pipeline.commands.runs import Run, find_run, list_runs
from pipeline.commands.watch import WatchedRun
from pipeline.commands.watch import watch as _watch
from pipeline.commands.why import Reason, explain
from pipeline.comparison.comparing import Comparison
from pipeline.config import read
from pipeline.config.callback_files import require_inside, require_paths
from pipeline.config.own_code import check_references, refuse_own_code, skipped_own_code
from pipeline.config.schema import Config, Data
from pipeline.engine.records import record_id
from pipeline.engine.runner import StageResult, output_of
from pipeline.engine.workspace import Workspace
from pipeline.errors import ModelError, RequestError
from pipeline.gradcheck.report import GradientCheck
from pipeline.live.event_files import EventFiles
from pipeline.live.tensorboard import command_to_look
from pipeline.pages.writing import require_page_path
from pipeline.progress import Progress, Silent, WithListeners, default_progress
from pipeline.publishing.listing import list_published
from pipeline.publishing.publication import Publication, PublishedBefore
from pipeline.publishing.published_folder import PublishedModel, find_published
from pipeline.stages import GRAPH, check_network, run_stages
from pipeline.tracking.synchronization import Tracked, synchronize
from pipeline.tracking.synchronization import status as _track_status
from pipeline.tracking.tracked_run import tracking

if TYPE_CHECKING:
    from pipeline.serving.settings import ServeOptions, Settings
    from pipeline.studies.results import StudyResult

__all__ = [
    "RunResult",
    "clean",
    "compare",
    "describe_layers",
    "diagnose",
    "explain_gradients",
    "gradcheck",
    "list_models",
    "load_model",
    "predict",
    "report",
    "resolve_config",
    "run",
    "runs",
    "serve",
    "study",
    "tensorboard_command",
    "track_status",
    "track_sync",
    "verify",
    "watch",
    "why",
]

DEFAULT_CONFIG = "configs/mlp.yaml"


@dataclass(frozen=True)
class DataSummary:
    """The data set of a run, its source, and the number of images in each split."""

    name: str
    source: str
    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class SplitMetrics:
    """The mean loss and the task's scores over one split, the most important score first.

    ``baseline`` are the scores of the best constant prediction: the majority class, or the mean.
    """

    loss: float
    scores: dict[str, float]
    baseline: dict[str, float]

    @property
    def accuracy(self) -> float:
        """Top-1 accuracy, 0 to 1.

        Raises:
            KeyError: accuracy is not a score of the task.
        """
        return self.scores["accuracy"]


@dataclass(frozen=True)
class RunResult:
    """The result of a run; fields of stages after ``until`` are empty or None.

    ``publication`` tells whether ``published`` is new, or the version of an earlier run.
    """

    name: str
    config: Config
    stages: tuple[StageResult, ...]
    data: DataSummary
    parameters: int | None
    layers: tuple[LayerSummary, ...]
    metrics: dict[str, SplitMetrics]
    verification: tuple[Check, ...]
    published: PublishedModel | None
    publication: Publication | None


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

    Without ``own_code``, a configuration that refers to Python files (``FILE.py:NAME``) is refused;
    with ``allow_outside``, Keras callbacks may write files outside the workspace.

    Raises:
        PipelineError: the run failed; the message explains why and what to do.
    """
    read_config = read(Path(config), overrides)
    resolved = Workspace(Path(workspace))
    _check_files(read_config, resolved, own_code=own_code, allow_outside=allow_outside)
    before = _published_before(read_config, resolved) if until == PublishFacts.stage else None
    with _listening(read_config, resolved, progress or default_progress()) as listening:
        results = run_stages(read_config, resolved, listening, until=until, force=force)
    data = output_of(results, DataFacts)
    assert data is not None, "every run includes the data stage"
    train, evaluated = output_of(results, TrainFacts), output_of(results, EvaluateFacts)
    verified, published = output_of(results, VerifyFacts), output_of(results, PublishFacts)
    model = _published(resolved, published.facts) if published else None
    return RunResult(
        name=read_config.name,
        config=read_config,
        stages=tuple(results),
        data=_data_summary(data.facts),
        parameters=train.facts.parameters if train else None,
        layers=train.facts.layers if train else (),
        metrics=_split_metrics(evaluated.facts) if evaluated else {},
        verification=verified.facts.checks if verified else (),
        published=model,
        publication=before.compare(model, read_config.publish.label) if before and model else None,
    )


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


def track_sync(*, workspace: PathLike = ".") -> list[Tracked]:
    """Send to MLflow what runs could not send, and return the tracked runs.

    Raises:
        MissingExtra: the extra ``mlflow`` is not installed.
    """
    return synchronize(_existing(workspace, "runs/"))


def track_status(*, workspace: PathLike = ".") -> list[Tracked]:
    """Return the tracked runs, and what of each was not sent yet."""
    return _track_status(_existing(workspace, "runs/"))


def resolve_config(config: PathLike = DEFAULT_CONFIG, overrides: Sequence[str] = ()) -> Config:
    """Return the configuration with overrides applied and defaults filled in.

    Raises:
        ConfigError: a key, type or value is invalid, or a Python file does not define a name.
    """
    resolved = read(Path(config), overrides)
    check_references(resolved)
    require_paths(resolved)
    return resolved


def describe_layers(config: Config, *, progress: Progress | None = None) -> list[LayerSummary]:
    """Return a summary of each layer; checks all names against Keras (extra ``train``).

    Python files that the configuration refers to are not run; ``progress`` tells what that leaves
    unchecked.

    Raises:
        ConfigError: Keras or TensorFlow Datasets does not know a name or argument.
        MissingExtra: the extra is not installed.
    """
    shown = progress or default_progress()
    for text in (*check_references(config), skipped_own_code(config)):
        if text:
            shown.notice(text)
    return check_network(config, shown)


def gradcheck(
    config: PathLike = DEFAULT_CONFIG,
    overrides: Sequence[str] = (),
    *,
    workspace: PathLike = ".",
    progress: Progress | None = None,
) -> GradientCheck:
    """Check the gradients of a network on a real mini-batch, and the update rules.

    Raises:
        PipelineError: the configuration is invalid, or the data is not available.
    """
    resolved = read(Path(config), overrides)
    return check_configured(resolved, Workspace(Path(workspace)), progress or default_progress())


def explain_gradients(
    config: PathLike = DEFAULT_CONFIG,
    overrides: Sequence[str] = (),
    sample: Sample | None = None,
    *,
    html: PathLike | None = None,
    workspace: PathLike = ".",
    progress: Progress | None = None,
) -> Explanation:
    """Return every step of backpropagation: of the lecture's scalar example, and of a mini-batch.

    ``html`` is a file for the same as an interactive page.

    Raises:
        RequestError: the configuration is invalid, or the numbers of the example overflow.
        StorageError: the page cannot be written.
    """
    resolved = read(Path(config), overrides)
    if html is not None:
        require_page_path(Path(html))
    explanation = explain_steps(
        resolved, sample or Sample(), Workspace(Path(workspace)), progress or default_progress()
    )
    if html is not None:
        write_explanation(Path(html), explanation)
    return explanation


def why(
    config: PathLike,
    stage: str,
    overrides: Sequence[str] = (),
    *,
    workspace: PathLike = ".",
    progress: Progress | None = None,
) -> list[Reason]:
    """Return why a stage, and each stage that it depends on, would run.

    Raises:
        RequestError: the stage is unknown, or the configuration is invalid.
    """
    GRAPH.position_of(stage)  # before the configuration is read
    resolved = read(Path(config), overrides)
    for text in check_references(resolved):
        (progress or default_progress()).notice(text)
    return explain(resolved, Workspace(Path(workspace)), stage)


def compare(
    first: PathLike,
    *others: PathLike,
    seeds: bool = False,
    fail_if_worse: str | None = None,
    significance: float | None = None,
    html: PathLike | None = None,
    workspace: PathLike = ".",
    progress: Progress | None = None,
) -> Comparison:
    """Compare runs, published versions and configurations with the first of them.

    With ``seeds``, a run or a version stands for all seeds of its configuration. ``fail_if_worse``
    is a metric to judge over the seeds, one-sided, at a ``significance`` of 0.05 by default: the
    ``verdict`` of the result. ``html`` is a file for a page with the result.

    Raises:
        RequestError: a side is unknown, has other test images or labels, or too few seeds.
        MissingExtra: SciPy is not installed.
        StorageError: the page cannot be written.
    """
    if html is not None:
        require_page_path(Path(html))
    result = compare_named(
        [str(side) for side in (first, *others)],
        _existing(workspace, "runs/"),
        progress or default_progress(),
        seeds=seeds,
        metric=fail_if_worse,
        significance=significance,
    )
    if html is not None:
        write_comparison(Path(html), result)
    return result


def runs(
    run: str | None = None, *, limit: int | None = None, workspace: PathLike = "."
) -> list[Run]:
    """Return the recorded runs, newest first, or only the one that ``run`` names.

    ``run`` is a name, which refers to the last run of that name, or the beginning of a hash or of
    a name and a hash. ``limit`` is the largest number of runs to return.

    Raises:
        RequestError: the workspace does not exist, or ``run`` names no run or several.
    """
    resolved = _existing(workspace, "runs/")
    return list_runs(resolved, limit) if run is None else [find_run(resolved, run)]


def watch(run: str | None = None, *, workspace: PathLike = ".") -> Iterator[WatchedRun]:
    """Yield a run whenever its learning curve has changed, until it ends.

    ``run`` is as in ``runs``; without it, the run that began last among those that are running,
    else among all.

    Raises:
        RequestError: the workspace does not exist, no run is recorded, or ``run`` names no run or
            several.
        MissingExtra: the extra ``train`` is not installed.
    """
    return _watch(_existing(workspace, "runs/"), run)


def tensorboard_command(workspace: PathLike = ".") -> str:
    """Return the command that shows the curves of all runs of a workspace, also while they train.

    Its folder is created, so that TensorBoard can be started before the first run.

    Raises:
        StorageError: the folder cannot be created.
    """
    return command_to_look(Workspace(Path(workspace)).event_files)


def report(name: str, *, workspace: PathLike = ".", progress: Progress | None = None) -> Path:
    """Return the path of the report of a run, a published model or a configuration.

    A run that ended before its stage ``report`` gets one in ``runs/reports``, from what exists.

    Raises:
        RequestError: there is no such run or model, or the run has no metrics.
        ModelError: the report of a published version was altered.
    """
    return _report(name, _existing(workspace, "runs/"), progress or default_progress())


def clean(
    *,
    keep: int | None = None,
    older_than: str | None = None,
    dry_run: bool = False,
    workspace: PathLike = ".",
    progress: Progress | None = None,
) -> list[Removed]:
    """Remove stored outputs that neither a kept run nor a published version needs; return them.

    Exactly one is required: ``keep``, the number of newest runs to keep, or ``older_than``, such as
    ``12h``, ``30d`` or ``2w``, which removes the runs that ended before. ``dry_run`` only returns
    what would be removed.

    Raises:
        RequestError: an argument is invalid, or the workspace does not exist.
        ModelError: a published version cannot be read, so that the outputs it needs are unknown.
        StorageError: something cannot be removed.
    """
    wanted = retention(keep=keep, older_than=older_than)
    resolved = _existing(workspace, "runs/")
    return _clean(resolved, wanted, progress or default_progress(), dry_run=dry_run)


def list_models(*, workspace: PathLike = ".") -> tuple[list[PublishedModel], list[ModelError]]:
    """Return every published version, and an error for each version or label that is broken.

    Raises:
        RequestError: the workspace does not exist.
    """
    return list_published(_existing(workspace, "exported/").exported)


def verify(
    model: PathLike,
    runtimes: Sequence[str] = (),
    *,
    workspace: PathLike = ".",
    progress: Progress | None = None,
) -> list[Check]:
    """Verify a published model or an ONNX file on this machine, on the whole test set.

    Raises:
        ModelError: ``model`` is neither.
        VerificationFailed: a file was altered, or its predictions differ.
    """
    from pipeline.commands.verify_file import verify_file
    from pipeline.commands.verify_published import verify_published
    from pipeline.publishing.locating import locate

    resolved = Workspace(Path(workspace))
    path = locate(model, resolved.exported)
    shown = progress or default_progress()
    if path.is_file():
        return verify_file(path, runtimes, resolved, shown)
    return verify_published(find_published(path), runtimes, resolved, shown)


def serve(
    models: Sequence[str] = (),
    *,
    workspace: PathLike = ".",
    token_file: Path | None = None,
    insecure: bool = False,
    on_open: "Callable[[Settings], None]" = lambda _: None,
    **options: "Unpack[ServeOptions]",
) -> None:
    """Serve published models until SIGINT or SIGTERM; ``options`` are fields of ``Settings``.

    Raises:
        RequestError: a model, address or file is invalid, or the server would be unprotected.
        MachineError: a port is in use.
    """
    from pipeline.serving import serve as serving
    from pipeline.serving.bearer_token import read_token
    from pipeline.serving.settings import (
        Settings,
        require_certificate,
        require_token_or_tls,
    )

    exported = Workspace(Path(workspace)).exported
    settings = Settings(
        exported=exported,
        folders=serving.served_folders(list(models), exported),
        token=read_token(token_file),
        **options,
    )
    require_certificate(settings.certificate, settings.key)
    require_token_or_tls(settings, insecure=insecure)
    serving.serve(settings, on_open)


def diagnose(*, workspace: PathLike = ".", progress: Progress | None = None) -> list[Finding]:
    """Return the packages and data hosts that were found, and advice for those that were not."""
    return _diagnose(Data(), Workspace(Path(workspace)), progress or Silent())


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


def _existing(workspace: PathLike, contents: str) -> Workspace:
    resolved = Workspace(Path(workspace))
    if not resolved.root.is_dir():
        raise RequestError(
            f"The workspace {resolved.root} is not a folder. Specify the one that contains "
            f"{contents}: --workspace FOLDER."
        )
    return resolved


def _data_summary(facts: DataFacts) -> DataSummary:
    return DataSummary(facts.name, facts.source, facts.train, facts.validation, facts.test)


def _split_metrics(facts: EvaluateFacts) -> dict[str, SplitMetrics]:
    return {
        split: SplitMetrics(metrics.loss, metrics.scores, metrics.baseline)
        for split, metrics in facts.metrics.items()
    }


def _published_before(config: Config, workspace: Workspace) -> PublishedBefore:
    return PublishedBefore.of(workspace.exported / config.name)


def _published(workspace: Workspace, facts: PublishFacts) -> PublishedModel:
    return find_published(workspace.exported / facts.name / str(facts.version))
