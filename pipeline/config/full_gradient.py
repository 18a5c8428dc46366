"""What the methods that need the full gradient require of other keys, found without TensorFlow."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.config.key_errors import InvalidValue, with_places

if TYPE_CHECKING:
    from pipeline.config.schema import Config


def check_full_gradient(config: "Config") -> None:
    """Check the keys that a method such as l_bfgs cannot be combined with.

    Raises:
        ConfigError: the method cannot train with the value of a key.
    """
    if config.optimizer.needs_full_gradient:
        with with_places(config):
            for error in (*_invalid(config), *_invalid_optimizer(config)):
                raise error


def _invalid_optimizer(config: "Config") -> Iterator[InvalidValue]:
    name = config.optimizer.name
    for key in ("learning_rate", "schedule", "scale_with_batch"):
        if getattr(config.optimizer, key) is not None:
            yield InvalidValue(
                f"optimizer.{key}",
                f"{name} has no learning rate: a line search determines the length of each step",
                f"Remove the key, or replace the whole section: optimizer={name}",
            )
    if config.optimizer.weight_decay_on != "all":
        yield InvalidValue(
            "optimizer.weight_decay_on",
            f"{name} has no weight decay",
            "Remove the key; model.l2 is an alternative, and applies to kernels alone.",
        )


def _invalid(config: "Config") -> Iterator[InvalidValue]:
    name, train = config.optimizer.name, config.train
    if train.batch_size != "full":
        yield InvalidValue(
            "train.batch_size",
            f"{name} needs the gradient over all images; got batches of {train.batch_size:,}",
            "Set train.batch_size=full.",
        )
    if config.model.dropout:
        yield InvalidValue(
            "model.dropout",
            f"{name} requires a deterministic loss, but dropout changes it at random; got "
            f"{config.model.dropout:g}",
            "Set model.dropout=0; model.l2 is an alternative.",
        )
    if train.augment is not None:
        yield InvalidValue(
            "train.augment",
            f"{name} requires a deterministic loss, but train.augment changes the images in every "
            "epoch",
            "Remove train.augment, or choose another optimizer.",
        )
    if train.adversarial is not None:
        yield InvalidValue(
            "train.adversarial",
            f"{name} minimizes a fixed loss, but adversarial images change with the weights",
            "Remove train.adversarial, or choose another optimizer.",
        )
    if train.precision != "float32":
        yield InvalidValue(
            "train.precision",
            f"{name} compares losses that differ only slightly, so it cannot train in "
            f"{train.precision}",
            "Set train.precision=float32.",
        )
    if train.memory_mb is not None:
        yield InvalidValue(
            "train.memory_mb",
            f"{name} needs all images in memory; got a limit of {train.memory_mb:,} MB",
            "Remove the limit: train.memory_mb=null.",
        )
    if train.workers > 1:
        yield InvalidValue(
            "train.workers",
            f"{name} runs in one process; got {train.workers:,} workers",
            "Set train.workers=1, or choose another optimizer.",
        )
