"""Train one network: a single one, or a member of a committee."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

import numpy as np

from pipeline.artifacts.data_set import DataSet
from pipeline.config.key_errors import with_places
from pipeline.engine.context import Context
from pipeline.progress import Training
from pipeline.system.interruption import deferred_interruption
from pipeline.tasks.registry import task_of
from pipeline.training.beginning import Beginning
from pipeline.training.callback_list import CallbackList
from pipeline.training.callbacks import build_callbacks, early_stopping
from pipeline.training.checkpoint import Checkpoint, Position
from pipeline.training.compiling import compile_program
from pipeline.training.distributed.group_program import GroupProgram
from pipeline.training.distributed.leading import announce
from pipeline.training.distributed.probe import measure
from pipeline.training.fit import Fit, Trainer
from pipeline.training.members import Member
from pipeline.training.network_program import NetworkProgram
from pipeline.training.trainers import new_trainer


def train(context: Context, data: DataSet, number: int, checkpoint: Checkpoint) -> Member:
    """Train the network with this number, counted from 1, or resume its training.

    Raises:
        MachineError: a worker of several cannot take part, or was lost.
        ConfigError: a name or argument is unknown to Keras, a callback failed, or the batch is
            larger than the data or the memory limit.
        TrainingDiverged: the loss became infinite or not a number.
        TrainingStalled: the ReLU of the output is 0 for all images.
    """
    config = context.config
    with with_places(config), context.progress.task("loading images"):
        beginning = Beginning.of_member(config, data, number)
    feed = beginning.feed
    announce(context, number)
    with new_trainer(config, beginning.model, feed, checkpoint) as trainer:
        end = _fit(context, trainer, data, checkpoint, is_first=number == 1)
        program = trainer.program
        # Exported models compute in float32, from images in 0..1.
        weights = [np.array(values) for values in program.model.get_weights()]
    if beginning.standardization is not None:
        weights = beginning.standardization.folded(weights)
    return Member(
        weights, end.history, end.costs, feed.num_steps, feed.num_shards, program.compiler
    )


def _fit(
    context: Context, trainer: Trainer, data: DataSet, checkpoint: Checkpoint, *, is_first: bool
) -> Position:
    config, program = context.config.train, trainer.program
    stopping = [early_stopping(config.early_stopping)] if config.early_stopping else []
    callbacks = CallbackList(
        [*stopping, *build_callbacks(config.callbacks, workspace=context.workspace.root)],
        program.model,
        epochs=config.epochs,
        steps=trainer.feed.num_steps,
    )
    saved = checkpoint.read(len(program.variables))
    with _whole_steps(program):
        compile_program(
            program,
            trainer.feed,
            config,
            context.progress,
            previous_compiler=saved.compiler if saved else None,
        )
        if is_first and saved is None:  # later ones would tell the same
            _warn_if_slower(context, trainer)
    position = saved.position if saved else Position()
    context.progress.training_began(
        Training(
            context.fingerprints["train"],
            epochs=config.epochs,
            steps_per_epoch=trainer.feed.num_steps,
            epoch=position.epoch,
            step=position.state.step,
            weights=program.weights_by_name,
            learning_rate=program.learning_rate,
        )
    )
    fit = Fit(
        trainer,
        partial(program.evaluate, data.validation) if len(data.validation) else None,
        task_of(context.config),
        callbacks,
        checkpoint,
        config.epochs,
        context.progress,
        restores_best=bool(stopping),
    )
    return fit.run(saved)


@contextmanager
def _whole_steps(program: NetworkProgram) -> Iterator[None]:
    """Let several workers complete their steps before an interruption ends this block."""
    if not isinstance(program, GroupProgram):
        yield
        return
    with deferred_interruption() as interruption:
        yield
    interruption.check()


def _warn_if_slower(context: Context, trainer: Trainer) -> None:
    """Say if several workers are slower than one."""
    program = trainer.program
    if isinstance(program, GroupProgram):
        with context.progress.task("measuring steps"), closing(trainer.feed.shards(0, 0)) as shards:
            warning = measure(program, next(shards)).warning()
        if warning:
            context.progress.notice(warning)
