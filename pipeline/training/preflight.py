"""What is found out of a training before it begins: names, arguments, combinations."""

from typing import TYPE_CHECKING

from pipeline.artifacts.stage_facts import LayerSummary
from pipeline.errors import ConfigError
from pipeline.models.dense import build_model, check_model, summarize
from pipeline.models.optimizers import check_optimizer
from pipeline.tasks.registry import task_named
from pipeline.training.callbacks import check_callbacks

if TYPE_CHECKING:
    from pipeline.config.schema import Config


def check(
    config: "Config", *, image_shape: tuple[int, int, int], num_classes: int
) -> list[LayerSummary]:
    """Build model and optimiser without training, so that a wrong name is found at once.

    Raises:
        ConfigError: Keras knows no such name or argument.
    """
    if config.train.early_stopping is not None and config.optimizer.arguments.get("use_ema"):
        raise ConfigError(
            "train.early_stopping must not stand with optimizer.use_ema: it restores weights that "
            "were not averaged; got both in the configuration. Leave one of them out."
        )
    check_optimizer(config.optimizer)
    check_callbacks(config)
    model = build_model(
        config.model,
        image_shape=image_shape,
        num_classes=num_classes,
        task=task_named(config.task),
    )
    check_model(model, config.model)
    return summarize(model)
