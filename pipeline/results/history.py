"""The history of a run: the epochs of its training."""

from collections.abc import Sequence
from contextlib import suppress

from pipeline.artifacts.report import Epoch
from pipeline.artifacts.stage_facts import DataFacts, ReportFacts, TrainFacts
from pipeline.config.schema import Config
from pipeline.engine.runner import StageResult, output_of
from pipeline.engine.stage import load
from pipeline.errors import ConfigError, RequestError


def run_history(config: Config, stages: Sequence[StageResult]) -> tuple[Epoch, ...]:
    """Return each epoch of the training: from the report, else from the output of ``train``.

    Raises:
        RequestError: the run ended before its report, and the output of ``train`` was removed.
        MissingExtra: the same, and the extra ``train`` is not installed.
    """
    results = list(stages)
    reported, trained = output_of(results, ReportFacts), output_of(results, TrainFacts)
    data = output_of(results, DataFacts)
    if reported:
        return reported.facts.measures.epochs
    if not trained or not data:
        return ()
    # Imported only now: learning rates are computed by Keras.
    threads = load("pipeline.models.threads")
    with suppress(ConfigError):  # TensorFlow has started with other threads, which stay
        threads.use_threads(config)
    epochs = load("pipeline.reporting.epochs")
    try:
        found: tuple[Epoch, ...] = epochs.epochs(config, trained, data.facts.train)
    except FileNotFoundError as error:
        raise RequestError(
            f"The history of the run {config.name!r} is no longer in {trained.path}: the files "
            "were removed after the run. Run the configuration again."
        ) from error
    return found
