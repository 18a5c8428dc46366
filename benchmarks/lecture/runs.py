"""Runs of the configurations in configs/lecture/, until ``evaluate``."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import PROJECT
from pipeline.api import RunResult, run
from pipeline.artifacts.data_set import TEST_PROBABILITIES_FILE, TRAINED_MODEL_FILE
from pipeline.artifacts.history import read_costs, read_history
from pipeline.progress import TrainingCost


@dataclass(frozen=True)
class Trained:
    """A trained network, and the files that its run has written."""

    result: RunResult
    history: list[dict[str, float]]  # one entry for each epoch
    costs: list[TrainingCost]  # up to the end of each epoch
    data: Path
    model: Path
    test_predictions: Path


def trained(name: str, *overrides: str) -> Trained:
    """Run a configuration until ``evaluate``; what is up to date is not run again."""
    config = PROJECT / "configs" / "lecture" / f"{name}.yaml"
    result = run(config, list(overrides), until="evaluate", workspace=PROJECT)
    data, train, evaluated = (Path(stage.output.path) for stage in result.stages)
    return Trained(
        result=result,
        history=read_history(train),
        costs=read_costs(train),
        data=data,
        model=train / TRAINED_MODEL_FILE,
        test_predictions=evaluated / TEST_PROBABILITIES_FILE,
    )


def command(name: str, *overrides: str) -> str:
    """Return the command line of a run, for tables."""
    return " ".join(("pipeline run", f"lecture/{name}", *overrides, "--until evaluate"))
