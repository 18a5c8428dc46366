"""The stage ``report``: measure what the metrics do not tell, and write the page."""

from pathlib import Path

from pipeline.artifacts.report import REPORT_FILE
from pipeline.artifacts.stage_facts import (
    DataFacts,
    EvaluateFacts,
    ExportFacts,
    ReportFacts,
    TrainFacts,
    VerifyFacts,
)
from pipeline.artifacts.uncertainty import SUBSPACE_FILE
from pipeline.engine.context import Context
from pipeline.engine.stage import Outcome
from pipeline.models.threads import use_threads
from pipeline.progress import Progress
from pipeline.reporting.measures import measure
from pipeline.reporting.page import report_page
from pipeline.reporting.run import ReportedRun
from pipeline.system.atomic import write_file


def run(context: Context, folder: Path) -> Outcome[ReportFacts]:
    """Write the page and the subspace of the training images; return what was measured.

    Raises:
        ConfigError: TensorFlow has started with another number of threads.
    """
    reported = ReportedRun(
        context.config,
        context.workspace.root,
        context.output(DataFacts),
        context.output(TrainFacts),
        context.output(EvaluateFacts),
        context.output(ExportFacts),
        context.output(VerifyFacts),
    )
    facts = write_report(reported, folder / REPORT_FILE, context.progress)
    if reported.fitted is not None:
        reported.fitted.subspace.write(folder / SUBSPACE_FILE)
    return Outcome(facts)


def write_report(reported: ReportedRun, path: Path, progress: Progress) -> ReportFacts:
    """Write the page of a run; return what was measured."""
    use_threads(reported.config)
    measures, fitted = measure(reported, progress), reported.fitted
    facts = ReportFacts(measures, fitted.uncertainty if fitted else None)
    with progress.task("writing the report"):
        write_file(path, report_page(reported, facts).encode())
    return facts
