"""Combinations of the task with other keys that make no sense, found without data or TensorFlow."""

from typing import TYPE_CHECKING, get_args

from pipeline.config.key_errors import InvalidValue, with_places
from pipeline.config.target import known_classes, target_text
from pipeline.config.training_schema import EarlyStopping
from pipeline.tasks.registry import task_of
from pipeline.tasks.task import Task
from pipeline.tasks.without_validation import check_without_validation

if TYPE_CHECKING:
    from pipeline.config.schema import Config

# Limits on the accuracy, each with the one on the RMSE that takes its place for regression.
_LIMITS = {
    "publish.min_accuracy": "publish.max_rmse",
    "publish.min_accuracy_on_sample": "publish.max_rmse_on_sample",
    "export.max_accuracy_drop": "export.max_rmse_increase",
}


def check_combinations(config: "Config") -> None:
    """Check output, loss, target, early stopping, quality limits and data against each other.

    Raises:
        ConfigError: one of them does not fit.
    """
    task = task_of(config)
    with with_places(config):
        classes = known_classes(config.data.target)
        if classes is not None:
            task.check_classes(classes, target_text(config.data.target))
        if config.train.early_stopping is not None:
            _check_monitor(config.train.early_stopping.monitor, task)
        for limits in _LIMITS.items():
            of_other = limits[0] if task.quality.is_error else limits[1]
            own = limits[1] if task.quality.is_error else limits[0]
            _check_limit(config, of_other, own)
        check_without_validation(config)


def logs_of(task: Task, *, validates: bool = True) -> list[str]:
    """Return the names of the values that each epoch logs."""
    names = ["loss", *(metric.name for metric in task.training_metrics)]
    return [*names, *(f"val_{name}" for name in names if validates)]


def score_in_logs(task: Task) -> str:
    """Return the name of the value in the logs of an epoch that rates the validation set.

    It is the task's score, or else the loss, which improves when the score does.
    """
    name = f"val_{task.quality.name}"
    return name if name in logs_of(task) else "val_loss"


def _check_monitor(monitor: str, task: Task) -> None:
    if monitor not in logs_of(task):
        allowed = get_args(EarlyStopping.model_fields["monitor"].annotation)
        own = [name for name in allowed if name in logs_of(task)]
        raise InvalidValue(
            "train.early_stopping.monitor",
            f"The task {task.name} does not measure {monitor}",
            f"Write {' or '.join(own)}.",
        )


def _check_limit(config: "Config", key: str, own: str) -> None:
    """Check that a limit of another task is not set; its default limits nothing here."""
    section, name = key.split(".")
    settings = getattr(config, section)
    default = type(settings).model_fields[name].default
    if getattr(settings, name) != default:
        raise InvalidValue(
            key,
            f"The task {config.task} has no {'accuracy' if 'accuracy' in key else 'RMSE'}",
            f"Write {own} instead; {key}={default} removes this limit.",
        )
