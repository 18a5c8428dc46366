"""Run the stages that make the files of a version again, in a workspace of its own."""

from dataclasses import dataclass

from pipeline.artifacts.data_source import SAMPLE, Source
from pipeline.artifacts.stage_facts import DataFacts, ExportFacts
from pipeline.config.schema import Config
from pipeline.engine.workspace import Workspace
from pipeline.progress import Progress, WithListeners
from pipeline.publishing.chain import Outputs
from pipeline.publishing.published_folder import PublishedModel
from pipeline.stages import run_stages


@dataclass(frozen=True)
class Rerun:
    """A second run of a published version: its configuration, and where it runs."""

    published: PublishedModel
    config: Config
    workspace: Workspace
    progress: Progress

    def data(self) -> Outputs:
        """Run the stage ``data`` and return its output.

        Raises:
            PipelineError: the data is not available, or cannot be read.
        """
        return self._run(DataFacts.stage, self.progress)

    def all(self) -> Outputs:
        """Run the stages up to ``export`` and return their outputs.

        Raises:
            PipelineError: a stage failed.
        """
        return self._run(ExportFacts.stage, _WithoutCachedData(self.progress, []))

    def _run(self, until: str, progress: Progress) -> Outputs:
        sampled = self.published.manifest.data.sampled
        source = Source(SAMPLE, "as at the publication") if sampled else None
        results = run_stages(self.config, self.workspace, progress, until=until, source=source)
        return {result.name: result.output for result in results}


class _WithoutCachedData(WithListeners):
    """Does not report the stage ``data``, which ran a moment ago, a second time."""

    reports_steps = False

    def stage_finished(self, name: str, status: str, seconds: float, detail: str) -> None:
        """Report a stage."""
        if name != DataFacts.stage:
            super().stage_finished(name, status, seconds, detail)
