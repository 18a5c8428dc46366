"""The result of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline.artifacts.checks import Check
from pipeline.artifacts.data_source import SAMPLE
from pipeline.artifacts.report import REPORT_FILE, Epoch
from pipeline.artifacts.stage_facts import (
    DataFacts,
    EvaluateFacts,
    LayerSummary,
    ReportFacts,
    TrainFacts,
    VerifyFacts,
)
from pipeline.config.schema import Config
from pipeline.engine.runner import StageResult, output_of
from pipeline.errors import PipelineError
from pipeline.publishing.publication import Publication
from pipeline.publishing.published_folder import PublishedModel
from pipeline.results.history import run_history
from pipeline.results.sentences import (
    SAMPLE_WARNING,
    failures,
    headline_text,
    proof,
    published_text,
    score_text,
    trained_text,
)
from pipeline.results.summaries import DataSummary, RunSeconds, SplitMetrics


@dataclass(frozen=True, repr=False)
class RunResult:
    """The result of a run; fields of stages after ``until`` are empty or None.

    ``publication`` tells whether ``published`` is new, or the version of an earlier run. A notebook
    shows a result with its learning curves.
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

    @cached_property
    def history(self) -> tuple[Epoch, ...]:
        """Each epoch of the training, with its logs as Keras names them.

        For a run that ended before its report, it is read from the output of the stage ``train``
        when it is first used, and needs the extra ``train``.

        Raises:
            RequestError: that output was removed.
            MissingExtra: the extra is not installed.
        """
        return run_history(self.config, self.stages)

    @property
    def report(self) -> Path | None:
        """The path of ``report.html``: of the published version, else of the stage ``report``.

        None if the run ended before it; ``pipeline.report`` makes one of what exists.
        """
        if self.published and REPORT_FILE in self.published.manifest.files:
            return self.published.path / REPORT_FILE
        reported = output_of(list(self.stages), ReportFacts)
        return reported.path / REPORT_FILE if reported else None

    @property
    def seconds(self) -> RunSeconds:
        """The running times of the stages."""
        return RunSeconds.of(self.stages)

    def __repr__(self) -> str:
        """Return the name, the score on the test set, and where the run ended."""
        test, published = self.metrics.get("test"), self.published
        parts = [repr(self.name)]
        parts += [headline_text(test)] if test else []
        end = repr(str(published.path)) if published else f"until={self.stages[-1].name!r}"
        return f"RunResult({', '.join([*parts, end])})"

    def _repr_html_(self) -> str:
        """Return the score, the learning curves and what was proven, for notebooks."""
        from pipeline.results.card import result_card

        test = self.metrics.get("test")
        try:
            epochs = self.history
        except PipelineError:  # its files were removed; a notebook has no use for an error here
            epochs = ()
        return result_card(
            self.name,
            score=score_text(test, self.data.test) if test else "",
            warning=SAMPLE_WARNING if self.parameters and self.data.source == SAMPLE else "",
            epochs=epochs,
            notes=[
                trained_text(self.data, self.parameters),
                *([proof(self.verification)] if self.verification else []),
                *(f"FAIL {text}" for text in failures(self.verification)),
                *([published_text(self.published)] if self.published else []),
                *([f"Report: {self.report}"] if self.report else []),
            ],
        )


def run_result(
    config: Config,
    stages: Sequence[StageResult],
    published: PublishedModel | None,
    publication: Publication | None,
) -> RunResult:
    """Return the result of a run from those of its stages, and what it published."""
    results = list(stages)
    data = output_of(results, DataFacts)
    assert data is not None, "every run includes the data stage"
    train, evaluated = output_of(results, TrainFacts), output_of(results, EvaluateFacts)
    verified = output_of(results, VerifyFacts)
    metrics = evaluated.facts.metrics if evaluated else {}
    return RunResult(
        name=config.name,
        config=config,
        stages=tuple(results),
        data=DataSummary.of(data.facts),
        parameters=train.facts.parameters if train else None,
        layers=train.facts.layers if train else (),
        metrics={split: SplitMetrics.of(found) for split, found in metrics.items()},
        verification=verified.facts.checks if verified else (),
        published=published,
        publication=publication,
    )
