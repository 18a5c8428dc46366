"""Run a published version again, and compare link by link."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.artifacts.formats import artifact_files
from pipeline.artifacts.stage_facts import DataFacts
from pipeline.engine.workspace import Workspace
from pipeline.errors import NotReproduced, RequestError
from pipeline.progress import Progress
from pipeline.publishing.published_folder import PublishedModel
from pipeline.reproduction.configuration import check_code_and_files, configuration_of
from pipeline.reproduction.files import compare_files
from pipeline.reproduction.links import code_link, data_link, machine_link, packages_link
from pipeline.reproduction.metrics import compare_metrics
from pipeline.reproduction.rerun import Rerun
from pipeline.reproduction.verdict import Compared, Verdict, judge
from pipeline.reproduction.weights import compare_weights
from pipeline.system.scratch import scratch_folder


@dataclass(frozen=True)
class Reproduction:
    """What a second run of a published version gave: the comparison, and the verdict on it.

    ``documents`` are published files that are not made again: they only describe the model.
    """

    compared: Compared
    verdict: Verdict
    documents: tuple[str, ...]

    def require(self) -> None:
        """Require that the version was reproduced.

        Raises:
            NotReproduced: it was not.
        """
        if not self.verdict.reproduced:
            raise NotReproduced(self.verdict.sentence)


def reproduce(
    published: PublishedModel,
    overrides: Sequence[str],
    original: Workspace,
    into: Path | None,
    progress: Progress,
    *,
    own_code: bool,
    allow_outside: bool,
) -> Reproduction:
    """Run a version again, by its manifest alone, and compare; nothing is published.

    Raises:
        PipelineError: the version was altered, its configuration or its data cannot be used, or a
            stage failed.
    """
    published.require_unaltered()
    published.manifest.open_task()
    config = configuration_of(published, overrides)
    with _workspace(into, original) as workspace:
        check_code_and_files(
            published, config, workspace, own_code=own_code, allow_outside=allow_outside
        )
        compared = _compare(Rerun(published, config, workspace, progress))
    return Reproduction(compared, judge(compared), _documents(published))


def _compare(rerun: Rerun) -> Compared:
    published, manifest = rerun.published, rerun.published.manifest
    outputs = rerun.data()
    facts = outputs[DataFacts.stage].facts
    compared = Compared(
        name=f"{published.name}/{published.version}",
        images=facts.test,
        data=data_link(manifest, outputs, facts),
        machine=machine_link(manifest),
    )
    if compared.data.status == "differs":  # training would take long, and show nothing
        return compared
    outputs = rerun.all()
    return replace(
        compared,
        code=code_link(manifest, outputs, rerun.workspace.root),
        packages=packages_link(manifest, outputs),
        weights=compare_weights(published, outputs),
        files=compare_files(published, outputs, rerun.progress),
        metrics=compare_metrics(manifest, outputs, manifest.open_task()),
    )


@contextmanager
def _workspace(into: Path | None, original: Workspace) -> Iterator[Workspace]:
    """Yield a workspace with no output of the original run: a temporary one, or the one given."""
    if into is None:
        with scratch_folder() as folder:
            yield Workspace(folder)
        return
    if into.exists() and original.root.exists() and into.samefile(original.root):
        raise RequestError(
            f"--into must be a folder other than the workspace, which has the outputs of the first "
            f"run; got {into}. Specify a new folder, or omit --into for a temporary one."
        )
    yield Workspace(into)


def _documents(published: PublishedModel) -> tuple[str, ...]:
    made = {
        path.relative_to(published.path).as_posix()
        for file_format in published.formats
        for path in artifact_files(published.path, file_format)
    }
    return tuple(sorted(published.manifest.files.keys() - made))
