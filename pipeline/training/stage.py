"""The stage ``train``: arrays -> a trained Keras model and its history."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from pipeline.context import Context, Facts
from pipeline.errors import ConfigError
from pipeline.handover import TRAINED_MODEL_FILE, LayerSummary, read_data
from pipeline.model import build_model, check_model, logits_model, summarize
from pipeline.optimizers import build_optimizer, check_optimizer
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.fit import Plan, early_stopping, fit
from pipeline.training.loop import CompiledEvaluation, CompiledLoop

if TYPE_CHECKING:
    from pipeline.config.schema import Config

HISTORY_FILE = "history.json"


def run(context: Context, folder: Path) -> Facts:
    """Train a new model, write it into ``folder``, and return what is worth knowing of it.

    Raises:
        ConfigError: Keras knows no such name or argument, or the batch is larger than the data.
        TrainingDiverged: the loss became infinite or not a number.
    """
    config, data = context.config, read_data(context.outputs["data"].path)
    keras.utils.set_random_seed(config.train.seed)
    model = build_model(
        config.model, image_shape=data.image_shape, num_classes=len(data.class_names)
    )
    batch_size = _batch_size(config, len(data.train))
    steps = -(-len(data.train) // batch_size) * config.train.epochs
    optimizer = build_optimizer(config.optimizer, total_steps=steps)
    logits = logits_model(model)
    loop = CompiledLoop(
        logits, optimizer, data.train, batch_size=batch_size, seed=config.train.seed
    )
    stopping = config.train.early_stopping
    plan = Plan(config.train.epochs, (early_stopping(stopping),) if stopping else ())
    validation = CompiledEvaluation(logits, data.validation)
    path = context.workspace.checkpoint(context.fingerprints["train"])
    checkpoint = Checkpoint(path, loop.variables, plan.callbacks)
    if context.forced:
        checkpoint.remove()
    history = fit(loop, validation, plan, checkpoint, context.progress)
    model.save(folder / TRAINED_MODEL_FILE)
    (folder / HISTORY_FILE).write_text(json.dumps(history, indent=2) + "\n")
    checkpoint.remove()
    return {
        "parameters": model.count_params(),
        "layers": [vars(row) for row in summarize(model)],
        "epochs": len(history),
        "steps_per_epoch": loop.num_steps,
        "compiler": loop.compiler,
        "last_epoch": history[-1],
        "summary": f"{model.count_params():,} parameters, {len(history)} epochs",
    }


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
    model = build_model(config.model, image_shape=image_shape, num_classes=num_classes)
    check_model(model, config.model)
    return summarize(model)


def _batch_size(config: "Config", num_images: int) -> int:
    if config.train.batch_size == "full":
        return num_images
    if config.train.batch_size > num_images:
        raise ConfigError(
            f"train.batch_size must be at most the number of training images, {num_images:,}; "
            f"got {config.train.batch_size:,} in the configuration. Write full for all of them."
        )
    return config.train.batch_size
