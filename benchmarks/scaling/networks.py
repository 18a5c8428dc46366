"""The networks and batches that are measured, and their programs."""

import math
from itertools import pairwise

import keras
import numpy as np

from pipeline.artifacts.data_set import Split
from pipeline.config.schema import Model
from pipeline.config.training_schema import Optimizer
from pipeline.models.dense import build_model
from pipeline.models.optimizers import build_optimizer
from pipeline.tasks.registry import task_named
from pipeline.training.compiled_program import Program
from pipeline.training.distributed.group import Group
from pipeline.training.distributed.group_program import GroupProgram
from pipeline.training.feed import InMemoryFeed, Shard

NETWORKS = ((1024, 1024), (2500, 2000, 1500, 1000, 500))
BATCH_SIZE = 1024
SHARD_STEPS = 32
_SHAPE, _CLASSES, _TASK = (28, 28, 1), 10, task_named("multiclass")


def single_program_of(hidden: tuple[int, ...], batch_size: int) -> Program:
    """Return the program of a training in one process."""
    return Program(*_network(hidden), task=_TASK, batch_size=batch_size)


def group_program_of(hidden: tuple[int, ...], batch_size: int, group: Group) -> GroupProgram:
    """Return the program of one of several workers."""
    return GroupProgram(*_network(hidden), group=group, task=_TASK, batch_size=batch_size)


def _network(hidden: tuple[int, ...]) -> tuple[keras.Model, keras.optimizers.Optimizer]:
    keras.utils.set_random_seed(0)
    model = build_model(Model(hidden=hidden), image_shape=_SHAPE, num_classes=_CLASSES, task=_TASK)
    optimizer = build_optimizer(Optimizer(name="adam", learning_rate=0.001), total_steps=1)
    optimizer.build(model.trainable_variables)
    return model, optimizer


def shard_of(batch_size: int) -> Shard:
    """Return random images, on which the time of a step does not depend, for ``SHARD_STEPS``."""
    random = np.random.default_rng(0)
    count = SHARD_STEPS * batch_size
    images = random.integers(0, 256, (count, *_SHAPE), np.uint8)
    split = Split(images, random.integers(0, _CLASSES, count))
    [shard] = InMemoryFeed(split, batch_size=batch_size, seed=0).shards(0, 0)
    return shard


def summed_bytes(hidden: tuple[int, ...]) -> int:
    """Return the bytes of the vector that is summed in each step: gradient, loss and hits."""
    widths = (math.prod(_SHAPE), *hidden, _CLASSES)
    return 4 * (sum((inputs + 1) * units for inputs, units in pairwise(widths)) + 2)
