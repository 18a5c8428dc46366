"""The stage ``train``: from arrays to a trained Keras model and its history."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from pipeline.artifacts.data_set import TRAINED_MODEL_FILE, DataSet, read_data
from pipeline.artifacts.history import write_history
from pipeline.artifacts.stage_facts import DataFacts, TrainFacts
from pipeline.config.key_errors import with_places
from pipeline.config.own_code import announce_own_code
from pipeline.engine.context import Context
from pipeline.engine.stage import Outcome, load
from pipeline.errors import TrainingFailed
from pipeline.models.averaging import averaged
from pipeline.models.dense import summarize
from pipeline.models.threads import use_threads
from pipeline.tasks.registry import task_of
from pipeline.training.beginning import new_model
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.checkpoint_file import of_member
from pipeline.training.distributed.joining import has_joined
from pipeline.training.distributed.leading import leading
from pipeline.training.member_progress import MemberProgress
from pipeline.training.members import (
    Member,
    checkpoint_of,
    joint_history,
    read_members,
    remove_files,
)
from pipeline.training.one_network import train

if TYPE_CHECKING:
    from pipeline.config.schema import Config


def run(context: Context, folder: Path) -> Outcome[TrainFacts]:
    """Train a new model, write it into ``folder``, and return the facts about it.

    Raises:
        MachineError: a worker of several is missing, cannot take part, or was lost.
        ConfigError: a name or argument is unknown to Keras, a callback failed, or the batch is
            larger than the data or the memory limit.
        TrainingDiverged: the loss became infinite or not a number.
        TrainingStalled: the ReLU of the output is 0 for all images.
    """
    if context.config.train.workers > 1 and not has_joined():
        outcome: Outcome[TrainFacts] = _on_ray().train_on_ray(context, folder)
        return outcome
    config, data = context.config, read_data(context.output(DataFacts).path)
    task = task_of(config)
    with with_places(config):
        task.check_labels(data.train.labels)
    use_threads(config)
    with leading(context):
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
    path = checkpoint_of(context)
    return Outcome(facts, on_written=partial(remove_files, path, config.model.members))


def _members(context: Context, data: DataSet) -> list[Member]:
    """Train the networks of the committee one after another, or a single one."""
    count, path = context.config.model.members, checkpoint_of(context)
    announce_own_code(context.config, context.progress)
    if context.forced:
        remove_files(path, count)
    members, progress = read_members(path, count), MemberProgress(context.progress, count)
    for number in range(len(members) + 1, count + 1):
        progress.begin_member(members)
        reported = context if count == 1 else replace(context, progress=progress)
        with _named_member(members, count):
            checkpoint = Checkpoint(of_member(path, number))
            members.append(train(reported, data, number, checkpoint))
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


def _trained(config: "Config", data: DataSet, member: Member) -> keras.Model:
    """Return the network of a member, in float32."""
    model = new_model(config, data, "float32")
    model.set_weights(member.weights)
    return model


def _on_ray() -> Any:
    return load("pipeline.training.on_ray.launching")  # which starts processes that import this
