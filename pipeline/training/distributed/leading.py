"""Worker 0: it makes the others follow its training."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pipeline.errors import MachineError, sentence
from pipeline.training.distributed.group import Group, WorkerLost
from pipeline.training.distributed.joining import group_for

if TYPE_CHECKING:
    from pipeline.engine.context import Context

TRAIN = "train"  # the message that announces the training of a network
BEGIN = "begin"  # the one that follows when all are ready


@contextmanager
def leading(context: "Context") -> Iterator[None]:
    """Let the other workers, if there are any, end at the end of this block."""
    group = group_for(context.config)
    if group is None:
        yield
        return
    with ending(group):
        yield


def announce(context: "Context", number: int) -> None:
    """Let the other workers, if there are any, follow the training of a network from here on.

    Raises:
        MachineError: a worker cannot take part, has ended, or does not answer.
    """
    group = group_for(context.config)
    if group is not None:
        group.tell(
            {
                "do": TRAIN,
                "number": number,
                "fingerprint": context.fingerprints["train"],
                "kind": context.source.kind,
                "content": context.source.content,
            }
        )
        if unable := group.tell({"do": BEGIN}):
            named = " and ".join(group.membership.named(rank) for rank in sorted(unable))
            raise MachineError(
                f"{named[0].upper()}{named[1:]} cannot take part in the training. The error "
                "message on that worker explains why."
            )


@contextmanager
def ending(group: Group) -> Iterator[None]:
    """Tell the other workers at the end of this block that they can end, and why."""
    try:
        yield
    except BaseException as error:
        with suppress(WorkerLost):
            group.end(_reason(error))
        raise
    group.end()


def _reason(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "was interrupted."
    return f"failed. {sentence(error, 200)}" if str(error) else "failed."
