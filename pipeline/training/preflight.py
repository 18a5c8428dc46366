"""Checks of a training before it begins: names, arguments, combinations, a trial step."""

import json
from typing import TYPE_CHECKING, Any

from pipeline.artifacts.stage_facts import LayerSummary
from pipeline.engine.stage import load
from pipeline.errors import ConfigError
from pipeline.models.averaging import averaged
from pipeline.models.dense import build_model, check_model, summarize
from pipeline.models.layer_functions import check_names, try_functions
from pipeline.models.optimizers import build_method
from pipeline.models.threads import use_threads
from pipeline.models.trial_step import check_optimizer
from pipeline.tasks.registry import task_of
from pipeline.training.augmentation.checks import check_augmentation
from pipeline.training.callback_checks import check_callbacks

if TYPE_CHECKING:
    from pipeline.config.schema import Config


def check(
    config: "Config",
    *,
    image_shape: tuple[int, int, int],
    num_classes: int,
    run_own_code: bool,
) -> list[LayerSummary]:
    """Build the model and the optimizer without training, and return a row for each layer.

    Without ``run_own_code``, callbacks in Python files are not built.

    Raises:
        MissingExtra: SciPy is not installed, and the optimizer needs it.
        ConfigError: a name or an argument is unknown to Keras, or cannot be computed with;
            or TensorFlow has started with another number of threads.
    """
    use_threads(config)
    if config.train.callbacks:  # they may depend on files
        return _check(config, image_shape, num_classes, run_own_code=run_own_code)
    kind = json.dumps([_checked_values(config), image_shape, num_classes])
    if kind not in _passed:
        _passed[kind] = _check(config, image_shape, num_classes, run_own_code=run_own_code)
    return list(_passed[kind])


_passed: dict[str, list[LayerSummary]] = {}  # a study trains each network with several seeds


def _checked_values(config: "Config") -> dict[str, Any]:
    """Return what the checks depend on: everything about the training but its seed."""
    values = config.model_dump(mode="json", include={"task", "model", "optimizer", "train"})
    del values["train"]["seed"]
    return values


def _check(
    config: "Config",
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    run_own_code: bool,
) -> list[LayerSummary]:
    if config.train.early_stopping is not None and config.optimizer.arguments.get("use_ema"):
        raise ConfigError(
            "train.early_stopping restores weights that were not averaged, so it cannot be "
            f"combined with optimizer.use_ema in {config.place_of('optimizer.use_ema')}. Remove "
            "one of them."
        )
    if config.optimizer.needs_full_gradient:
        build_method(config.optimizer, place_of=config.place_of)
        load("pipeline.training.full_gradient.minimizing")  # SciPy, which may be missing
    else:
        check_optimizer(config.optimizer, place_of=config.place_of)
    check_augmentation(config, image_shape)
    check_callbacks(config, run_own_code=run_own_code)
    check_names(config.model, place_of=config.place_of)
    try_functions(config.model, place_of=config.place_of)
    model = build_model(
        config.model,
        image_shape=image_shape,
        num_classes=num_classes,
        task=task_of(config),
    )
    check_model(model, config.model)
    members = [model] * config.model.members
    return summarize(averaged(members, over_shifts=config.model.average == "shifts"))
