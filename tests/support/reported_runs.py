"""Runs as the stage ``report`` reads them, to make pages from."""

from pathlib import Path

from pipeline.artifacts.stage_facts import (
    DataFacts,
    EvaluateFacts,
    ExportFacts,
    ReportFacts,
    TrainFacts,
    VerifyFacts,
)
from pipeline.config import read
from pipeline.engine.store import F, StageOutput, Store
from pipeline.publishing.published_folder import find_published
from pipeline.reporting.run import ReportedRun
from tests.support.paths import SMOKE


def reported_smoke(workspace: Path) -> tuple[ReportedRun, ReportFacts]:
    """Return the published run of configs/smoke.yaml and what its report measured."""
    fingerprints = find_published(workspace / "exported" / "smoke").document["stages"]
    store = Store(workspace / "runs")

    def output(facts: type[F]) -> StageOutput[F]:
        found = store.find(facts, fingerprints[facts.stage])
        assert found is not None
        return found

    run = ReportedRun(
        read(SMOKE),
        workspace,
        output(DataFacts),
        output(TrainFacts),
        output(EvaluateFacts),
        output(ExportFacts),
        output(VerifyFacts),
    )
    return run, output(ReportFacts).facts
