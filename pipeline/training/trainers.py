"""The trainer of a configuration: mini-batches with Keras, or the full gradient with SciPy."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import keras

from pipeline.models.optimizers import build_method, build_optimizer
from pipeline.tasks.registry import task_of
from pipeline.training.augmentation import Augmentation
from pipeline.training.checkpoint import Checkpoint
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
    task, reusable = task_of(config), not config.train.callbacks
    if config.optimizer.needs_full_gradient:
        method = build_method(config.optimizer)
        with compiled_gradient(model, task=task, reusable=reusable) as gradient:
            log = EvaluationLog(
                checkpoint.evaluations,
                num_metrics=gradient.num_metrics,
                num_weights=gradient.weights.size,
            )
            yield Minimization(gradient, feed, method, log)
        return
    total_steps = feed.num_steps * config.train.epochs
    augment = config.train.augment
    with compiled(
        model,
        build_optimizer(config.optimizer, total_steps=total_steps),
        task=task,
        batch_size=feed.batch_size,
        augmentation=Augmentation(augment, model.input_shape[1:]) if augment else None,
        adversarial=config.train.adversarial,
        reusable=reusable,
    ) as program:
        if augment:
            program.clean_from = total_steps - round(total_steps * augment.clean_at_end)
        yield Loop(program, feed)
