"""The trainer of a configuration: mini-batches with Keras, or the full gradient with SciPy."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import keras

from pipeline.models.optimizers import build_method, build_optimizer
from pipeline.tasks.registry import task_of
from pipeline.training.augmentation import Augmentation
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.compiled_program import Program
from pipeline.training.distributed.averaging_program import AveragingProgram
from pipeline.training.distributed.group import Group
from pipeline.training.distributed.group_program import GroupProgram
from pipeline.training.distributed.joining import group_for
from pipeline.training.feed import Feed
from pipeline.training.fit import Trainer
from pipeline.training.full_gradient.evaluation_log import EvaluationLog
from pipeline.training.full_gradient.minimizing import Minimization
from pipeline.training.loop import Loop
from pipeline.training.program_pool import compiled, compiled_gradient

if TYPE_CHECKING:
    from pipeline.config.schema import Config


@contextmanager
def new_trainer(
    config: "Config", model: keras.Model, feed: Feed, checkpoint: Checkpoint
) -> Iterator[Trainer]:
    """Yield a trainer that starts from the weights of the model.

    Raises:
        ConfigError: a name or argument of the optimizer is unknown or invalid.
    """
    if not config.optimizer.needs_full_gradient:
        with new_loop(config, model, feed) as loop:
            yield loop
        return
    method, reusable = build_method(config.optimizer), not config.train.callbacks
    with compiled_gradient(model, task=task_of(config), reusable=reusable) as gradient:
        log = EvaluationLog(
            checkpoint.evaluations,
            num_metrics=gradient.num_metrics,
            num_weights=gradient.weights.size,
        )
        yield Minimization(gradient, feed, method, log)


@contextmanager
def new_loop(config: "Config", model: keras.Model, feed: Feed) -> Iterator[Loop]:
    """Yield a trainer with mini-batches that starts from the weights of the model.

    Raises:
        ConfigError: a name or argument of the optimizer is unknown or invalid.
    """
    total_steps = feed.num_steps * config.train.epochs
    augment = config.train.augment
    with _program(
        group_for(config),
        model,
        build_optimizer(config.optimizer, total_steps=total_steps, batch_size=feed.batch_size),
        task=task_of(config),
        batch_size=feed.batch_size,
        augmentation=Augmentation(augment, model.input_shape[1:]) if augment else None,
        adversarial=config.train.adversarial,
        average_every=config.train.average_every,
        reusable=not config.train.callbacks,
    ) as program:
        if augment:
            program.clean_from = total_steps - round(total_steps * augment.clean_at_end)
        yield Loop(program, feed)


def _program(
    group: Group | None,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    *,
    average_every: int | None,
    reusable: bool,
    **settings: Any,
) -> AbstractContextManager[Program]:
    if group is None:
        return compiled(model, optimizer, reusable=reusable, **settings)
    optimizer.build(model.trainable_variables)
    settings["group"] = group
    if average_every is None:
        return nullcontext(GroupProgram(model, optimizer, **settings))
    return nullcontext(AveragingProgram(model, optimizer, average_every=average_every, **settings))
