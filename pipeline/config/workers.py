"""What several workers require of other keys, found without TensorFlow."""

from typing import TYPE_CHECKING

from pipeline.config.key_errors import InvalidValue, with_places
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.config.schema import Config


def check_workers(config: "Config") -> None:
    """Check that weights are averaged over several workers, and that each has images in a batch.

    Raises:
        ConfigError: there is one worker, or there are more than images.
    """
    if config.train.batch_size != "full":
        check_batch(config, config.train.batch_size)
    if config.train.average_every is not None and config.train.workers == 1:
        with with_places(config):
            raise InvalidValue(
                "train.average_every",
                "Averaging the weights requires several workers; got train.workers: 1",
                "Remove the key, or set train.workers=2 or more.",
            )


def check_batch(config: "Config", size: int) -> None:
    """Check that each worker has an image in a batch of this size.

    Raises:
        ConfigError: there are more workers than images.
    """
    if config.train.workers > size:
        raise ConfigError(
            f"train.workers must be at most the number of images in a batch, {size:,}; got "
            f"{config.train.workers:,} in {config.place_of('train.workers')}. Use fewer workers, "
            "or a larger train.batch_size."
        )
