"""The other workers: they take the steps that worker 0 takes, and write no files."""

from typing import TYPE_CHECKING

from pipeline.artifacts.data_set import read_data
from pipeline.artifacts.stage_facts import DataFacts
from pipeline.errors import MachineError, PipelineError
from pipeline.system.interruption import Interruption, deferred_interruption
from pipeline.training.beginning import Beginning
from pipeline.training.distributed.group import Group, Message
from pipeline.training.distributed.group_program import STEPS, GroupProgram
from pipeline.training.distributed.leading import BEGIN, TRAIN
from pipeline.training.feed import Feed, Shard
from pipeline.training.trainers import new_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from pipeline.engine.context import Context


class LeaderFailed(MachineError):
    """Worker 0 ended with an error, which its command explains."""


def follow(group: Group, context_of: "Callable[[Message], Context]") -> bool:
    """Follow worker 0 until it ends; return whether it has trained.

    ``context_of`` returns the context of the training that a message announces.

    Raises:
        LeaderFailed: worker 0 ended with an error.
        WorkerLost: a worker has ended, or does not answer.
        PipelineError: this worker cannot train what worker 0 trains.
        KeyboardInterrupt: a signal arrived.
    """
    with deferred_interruption() as interruption:
        message, _ = group.hear()
        trained = bool(message["do"] == TRAIN)
        while message["do"] == TRAIN:
            try:
                program, feed = _prepared(context_of(message), message)
            except PipelineError:
                group.hear(alarm=True)
                raise
            message, _ = group.hear()
            if message["do"] == BEGIN:  # else worker 0 was interrupted
                message = take_steps(group, program, feed, interruption)
        interruption.check()
    if message["error"] is not None:
        raise LeaderFailed(f"Worker 0 {message['error']}")
    return trained


def take_steps(
    group: Group, program: GroupProgram, feed: Feed, interruption: Interruption
) -> Message:
    """Take the steps of worker 0 until it has another message, and return that.

    Raises:
        WorkerLost: a worker has ended, or does not answer.
    """
    shards = _Shards(feed)
    while True:
        message, _ = group.hear(alarm=interruption.arrived)
        if message["do"] != STEPS:
            return message
        program.follow(shards.starting_at(message["first_step"]), message)


def _prepared(context: "Context", message: Message) -> tuple[GroupProgram, Feed]:
    if context.fingerprints["train"] != message["fingerprint"]:
        raise MachineError(
            "This worker would train a different network than worker 0: the configuration, the "
            "version of this package, or the versions of TensorFlow, Keras, NumPy or SciPy differ. "
            "Start the same command in the same environment on all workers."
        )
    config, data = context.config, read_data(context.output(DataFacts).path)
    beginning = Beginning.of_member(config, data, message["number"])
    with new_loop(config, beginning.model, beginning.feed) as loop:
        assert isinstance(loop.program, GroupProgram), "this process has joined a group"
        return loop.program, beginning.feed


class _Shards:
    """The shards of a feed, by the number of the step that they begin with."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._rest, self._shard = self._open(0)

    def starting_at(self, first_step: int) -> Shard:
        """Return a shard; the one after the last is being read already."""
        if self._shard.first_step != first_step:
            following = next(self._rest, None)
            if following is None or following.first_step != first_step:
                self._rest.close()
                self._rest, self._shard = self._open(first_step)
            else:
                self._shard = following
        return self._shard

    def _open(self, first_step: int) -> "tuple[Generator[Shard], Shard]":
        epoch, step = divmod(first_step, self._feed.num_steps)
        shards = self._feed.shards(epoch, step // self._feed.shard_steps)
        return shards, next(shards)
