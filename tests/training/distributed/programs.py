"""Programs in float64, of one worker and of several."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from pipeline.config.augment_schema import Augment
from pipeline.config.schema import Model
from pipeline.config.training_schema import Optimizer
from pipeline.models.dense import build_model, in_float64
from pipeline.models.optimizers import build_optimizer
from pipeline.tasks.registry import task_named
from pipeline.training.augmentation import Augmentation
from pipeline.training.compiled_program import Program

SHAPE = (28, 28, 1)
TASK = task_named("multiclass")
BATCH_SIZE = 33  # divided by neither 2 nor 4; the last batch of 500 images has 5
STEPS = 20
Made = Callable[..., Program]


def program_of(
    kind: Made,
    optimizer: Optimizer,
    augment: Augment | None = None,
    adversarial: float | None = None,
    batch_size: int = BATCH_SIZE,
    **settings: Any,
) -> Program:
    """Return a program of a small network in float64; all have the same weights at first."""
    keras.utils.set_random_seed(0)
    config = Model(**{"hidden": (16,), **settings})
    model = in_float64(build_model(config, image_shape=SHAPE, num_classes=10, task=TASK))
    built = build_optimizer(optimizer, total_steps=STEPS)
    built.build(model.trainable_variables)
    augmentation = Augmentation(augment, SHAPE) if augment else None
    program = kind(
        model,
        built,
        task=TASK,
        batch_size=batch_size,
        augmentation=augmentation,
        adversarial=adversarial,
    )
    program.clean_from = STEPS - 3
    return program


def values_of(program: Program) -> list[np.ndarray]:
    """Return copies of all variables."""
    return [np.array(variable.value) for variable in program.variables]


def assign(program: Program, values: list[np.ndarray]) -> None:
    """Set all variables to values returned by ``values_of``."""
    for variable, value in zip(program.variables, values, strict=True):
        variable.assign(value)
