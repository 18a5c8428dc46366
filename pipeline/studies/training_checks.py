"""Checks of trials with TensorFlow and the data, before the first trial begins."""

from collections.abc import Sequence

from pipeline.artifacts.stage_facts import DataFacts
from pipeline.config.batch_size import batch_size_of
from pipeline.engine.workspace import Workspace
from pipeline.progress import Progress, Silent
from pipeline.stages import check_network
from pipeline.studies.axes import Values
from pipeline.studies.reading import Study
from pipeline.studies.trial_checks import errors_of_trial
from pipeline.studies.trial_runs import plan_with_data


def check_networks(study: Study, trials: Sequence[Values], progress: Progress) -> None:
    """Build the networks and optimizers of trials.

    Raises:
        RequestError: Keras does not know a name or an argument; the message names the trial.
        MissingExtra: the extra ``train`` is not installed.
    """
    with progress.task("checking the trials"):
        for values in trials:
            with errors_of_trial(values):
                check_network(study.config_of(values), Silent())


def check_batch_sizes(
    study: Study, trials: Sequence[Values], workspace: Workspace, progress: Progress
) -> None:
    """Prepare the data of the trials, and compare its size with their batches.

    Raises:
        RequestError: a batch is larger than the training set; the message names the trial.
        MachineError: the data cannot be prepared.
    """
    known: set[str] = set()
    for values in trials:
        with errors_of_trial(values):
            config = study.config_of(values)
            key = f"{config.data.model_dump_json()} {config.train.batch_size}"
            if key not in known:
                prepared = plan_with_data(config, workspace, progress).output(DataFacts)
                assert prepared is not None, "the data is prepared now"
                batch_size_of(config, prepared.facts.train)
        known.add(key)
