"""Which program a worker runs."""

from unittest.mock import Mock

import numpy as np
import pytest

from pipeline.artifacts.data_set import Split
from pipeline.config import read
from pipeline.errors import MachineError
from pipeline.models.dense import build_model
from pipeline.tasks.registry import task_of
from pipeline.training.distributed import joining
from pipeline.training.distributed.averaging_program import AveragingProgram
from pipeline.training.distributed.group_program import GroupProgram
from pipeline.training.distributed.membership import Membership
from pipeline.training.feed import InMemoryFeed
from pipeline.training.trainers import new_loop
from tests.support.paths import SMOKE

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize(
    ("every", "kind", "steps"), [(None, GroupProgram, 5), (4, AveragingProgram, 8)]
)
def test_program_is_that_of_the_configuration(
    monkeypatch: pytest.MonkeyPatch, every: int | None, kind: type, steps: int
) -> None:
    group = Mock(membership=Membership(1, ("127.0.0.1:1", "127.0.0.1:2")), size=2)
    monkeypatch.setattr(joining, "_joined", [group])
    overrides = ["train.workers=2", f"train.average_every={'null' if every is None else every}"]
    config = read(SMOKE, overrides)
    split = Split(np.zeros((64, 28, 28, 1), np.uint8), np.zeros(64, np.int64))
    feed = InMemoryFeed(split, batch_size=8, seed=0)
    model = build_model(
        config.model, image_shape=split.images.shape[1:], num_classes=10, task=task_of(config)
    )
    with new_loop(config, model, feed) as loop:
        assert type(loop.program) is kind
        assert loop.program.whole(5) == steps


def test_process_joins_others_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "_joined", [Mock()])
    membership = Membership(1, ("127.0.0.1:1", "127.0.0.1:2"))
    with pytest.raises(MachineError) as raised:
        joining.join(read(SMOKE, ["train.workers=2"]), membership)
    assert str(raised.value) == (
        "This process has already trained with several workers, and TensorFlow connects a process "
        "to others only once. Start a new process for each training."
    )
