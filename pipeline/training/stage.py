"""The stage ``train``: from arrays to a trained Keras model and its history."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

from pipeline.artifacts.data_set import TRAINED_MODEL_FILE, DataSet, read_data
from pipeline.artifacts.history import write_history
from pipeline.artifacts.stage_facts import DataFacts, TrainFacts
from pipeline.config.batch_size import batch_size_of
from pipeline.config.key_errors import with_places
from pipeline.config.own_code import announce_own_code
from pipeline.engine.context import Context
from pipeline.engine.stage import Outcome
from pipeline.errors import TrainingFailed
from pipeline.models.averaging import averaged
from pipeline.models.dense import build_model, summarize
from pipeline.models.standardization import Standardization, measure
from pipeline.models.threads import use_threads
from pipeline.progress import Training
from pipeline.tasks.registry import task_of
from pipeline.training.callback_list import CallbackList
from pipeline.training.callbacks import build_callbacks, early_stopping
from pipeline.training.checkpoint import Checkpoint, Position
from pipeline.training.checkpoint_file import of_member
from pipeline.training.compiling import compile_program
from pipeline.training.fit import Fit, Trainer
from pipeline.training.member_progress import MemberProgress
from pipeline.training.members import (
    Member,
    joint_history,
    member_seed,
    read_members,
    remove_members,
)
from pipeline.training.streaming import open_feed
from pipeline.training.trainers import new_trainer

if TYPE_CHECKING:
    from pipeline.config.schema import Config


def run(context: Context, folder: Path) -> Outcome[TrainFacts]:
    """Train a new model, write it into ``folder``, and return the facts about it.

    Raises:
        ConfigError: a name or argument is unknown to Keras, a callback failed, or the batch is
            larger than the data or the memory limit.
        TrainingDiverged: the loss became infinite or not a number.
        TrainingStalled: the ReLU of the output is 0 for all images.
    """
    config, data = context.config, read_data(context.output(DataFacts).path)
    task = task_of(config)
    with with_places(config):
        task.check_labels(data.train.labels)
    use_threads(config)
    members = _members(context, data)
    networks = [_trained(config, data, member) for member in members]
    result = averaged(networks, over_shifts=config.model.average == "shifts")
    result.save(folder / TRAINED_MODEL_FILE)
    history, costs = joint_history(members)
    write_history(folder, history, costs)
    facts = TrainFacts(
        parameters=result.count_params(),
        layers=tuple(summarize(result)),
        epochs=len(history),
        steps_per_epoch=members[-1].steps_per_epoch,
        shards=members[-1].shards,
        compiler=members[-1].compiler,
        last_epoch=history[-1],
    )
    return Outcome(facts, on_written=lambda: _remove_checkpoints(context))


def _members(context: Context, data: DataSet) -> list[Member]:
    """Train the networks of the committee one after another, or a single one."""
    count, path = context.config.model.members, _checkpoint(context)
    announce_own_code(context.config, context.progress)
    if context.forced:
        _remove_checkpoints(context)
    members, progress = read_members(path, count), MemberProgress(context.progress, count)
    for number in range(len(members) + 1, count + 1):
        progress.begin_member(members)
        reported = context if count == 1 else replace(context, progress=progress)
        with _named_member(members, count):
            members.append(_train(reported, data, number))
        if number < count:
            members[-1].write(path, number)
    return members


@contextmanager
def _named_member(complete: Sequence[Member], count: int) -> Iterator[None]:
    """Name the member of a committee whose training fails, and add the epochs of the others."""
    try:
        yield
    except TrainingFailed as error:
        if count > 1:
            error.args = (f"Member {len(complete) + 1} of {count}: {error}",)
            failed = Member([], [*error.history], [*error.costs], 0, 0, "")
            error.history, error.costs = joint_history([*complete, failed])
        raise


def _train(context: Context, data: DataSet, number: int) -> Member:
    """Train one network; ``number`` is that of the member, counted from 1."""
    config, seed = context.config, member_seed(context.config.train.seed, number)
    keras.utils.set_random_seed(seed)
    standardization = measure(data.train.images) if config.model.input == "standardized" else None
    model = _new_model(config, data, config.train.precision, standardization)
    batch_size = batch_size_of(config, len(data.train))
    with with_places(config), context.progress.task("loading images"):
        feed = open_feed(
            data.train, batch_size=batch_size, seed=seed, memory_mb=config.train.memory_mb
        )
    checkpoint = Checkpoint(of_member(_checkpoint(context), number))
    with new_trainer(config, model, feed, checkpoint) as trainer:
        end = _fit(context, trainer, data, checkpoint)
        program = trainer.program
        # Exported models compute in float32, from images in 0..1.
        weights = [np.array(values) for values in program.model.get_weights()]
    if standardization is not None:
        weights = standardization.folded(weights)
    return Member(
        weights, end.history, end.costs, feed.num_steps, feed.num_shards, program.compiler
    )


def _trained(config: "Config", data: DataSet, member: Member) -> keras.Model:
    """Return the network of a member, in float32."""
    model = _new_model(config, data, "float32")
    model.set_weights(member.weights)
    return model


def _fit(context: Context, trainer: Trainer, data: DataSet, checkpoint: Checkpoint) -> Position:
    config, program = context.config.train, trainer.program
    stopping = [early_stopping(config.early_stopping)] if config.early_stopping else []
    callbacks = CallbackList(
        [*stopping, *build_callbacks(config.callbacks, workspace=context.workspace.root)],
        program.model,
        epochs=config.epochs,
        steps=trainer.feed.num_steps,
    )
    saved = checkpoint.read(len(program.variables))
    compile_program(
        program,
        trainer.feed,
        config,
        context.progress,
        previous_compiler=saved.compiler if saved else None,
    )
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


def _checkpoint(context: Context) -> Path:
    return context.workspace.checkpoint(context.fingerprints["train"])


def _remove_checkpoints(context: Context) -> None:
    """Remove all files of the training: it is complete, or starts again."""
    count, path = context.config.model.members, _checkpoint(context)
    for number in range(1, count + 1):
        Checkpoint(of_member(path, number)).remove()
    remove_members(path, count)


def _new_model(
    config: "Config",
    data: DataSet,
    precision: str,
    standardization: Standardization | None = None,
) -> keras.Model:
    return build_model(
        config.model,
        image_shape=data.image_shape,
        num_classes=len(data.class_names),
        task=task_of(config),
        precision=precision,
        standardization=standardization,
    )
