"""The stage ``train``: arrays -> a trained Keras model and its history."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from pipeline.artifacts.data_set import TRAINED_MODEL_FILE, DataSet, LayerSummary, read_data
from pipeline.engine.context import Context, Facts
from pipeline.errors import ConfigError
from pipeline.models.dense import build_model, check_model, summarize
from pipeline.models.optimizers import build_optimizer, check_optimizer
from pipeline.training.callback_list import CallbackList
from pipeline.training.callbacks import build_callbacks, check_callbacks, early_stopping
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.compiling import compile_program
from pipeline.training.fit import Fit, History
from pipeline.training.loop import Loop
from pipeline.training.pool import compiled
from pipeline.training.streaming import open_feed

if TYPE_CHECKING:
    from pipeline.config.schema import Config

HISTORY_FILE = "history.json"


def run(context: Context, folder: Path) -> Facts:
    """Train a new model, write it into ``folder``, and return what is worth knowing of it.

    Raises:
        ConfigError: Keras knows no such name or argument, a callback failed, or the batch is larger
            than the data or the memory allowed.
        TrainingDiverged: the loss became infinite or not a number.
    """
    config, data = context.config, read_data(context.outputs["data"].path)
    keras.utils.set_random_seed(config.train.seed)
    model = _new_model(config, data, config.train.precision)
    batch_size = _batch_size(config, len(data.train))
    with context.progress.task("loading images"):
        feed = open_feed(
            data.train,
            batch_size=batch_size,
            seed=config.train.seed,
            memory_mb=config.train.memory_mb,
        )
    total_steps = feed.num_steps * config.train.epochs
    optimizer = build_optimizer(config.optimizer, total_steps=total_steps)
    reusable = not config.train.callbacks
    with compiled(model, optimizer, batch_size=feed.batch_size, reusable=reusable) as program:
        loop = Loop(program, feed)
        history = _fit(context, loop, data)
        trained = _new_model(config, data, "float32")  # what is exported computes in float32
        trained.set_weights(program.model.get_weights())
        compiler = program.compiler
    trained.save(folder / TRAINED_MODEL_FILE)
    (folder / HISTORY_FILE).write_text(json.dumps(history, indent=2) + "\n")
    context.when_written.append(_checkpoint(context).remove)
    return {
        "parameters": trained.count_params(),
        "layers": [vars(row) for row in summarize(trained)],
        "epochs": len(history),
        "steps_per_epoch": feed.num_steps,
        "shards": feed.num_shards,
        "compiler": compiler,
        "last_epoch": history[-1],
        "summary": f"{trained.count_params():,} parameters, {len(history)} epochs, {compiler}",
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
    check_callbacks(config)
    model = build_model(config.model, image_shape=image_shape, num_classes=num_classes)
    check_model(model, config.model)
    return summarize(model)


def _fit(context: Context, loop: Loop, data: DataSet) -> History:
    config, program = context.config.train, loop.program
    stopping = [early_stopping(config.early_stopping)] if config.early_stopping else []
    callbacks = CallbackList(
        [*stopping, *build_callbacks(config.callbacks)],
        program.model,
        epochs=config.epochs,
        steps=loop.feed.num_steps,
    )
    checkpoint = _checkpoint(context)
    if context.forced:
        checkpoint.remove()
    saved = checkpoint.read(len(program.variables))
    compile_program(
        program, loop.feed, config, context.progress, remembered=saved.compiler if saved else None
    )
    validate = partial(program.evaluate, data.validation)
    fit = Fit(loop, validate, callbacks, checkpoint, config.epochs, context.progress)
    return fit.run(saved)


def _checkpoint(context: Context) -> Checkpoint:
    return Checkpoint(context.workspace.checkpoint(context.fingerprints["train"]))


def _new_model(config: "Config", data: DataSet, precision: str) -> keras.Model:
    num_classes = len(data.class_names)
    return build_model(
        config.model, image_shape=data.image_shape, num_classes=num_classes, precision=precision
    )


def _batch_size(config: "Config", num_images: int) -> int:
    if config.train.batch_size == "full":
        return num_images
    if config.train.batch_size > num_images:
        raise ConfigError(
            f"train.batch_size must be at most the number of training images, {num_images:,}; "
            f"got {config.train.batch_size:,} in the configuration. Write full for all of them."
        )
    return config.train.batch_size
