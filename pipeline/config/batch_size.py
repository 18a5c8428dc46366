"""The number of images in a batch, once the size of the data is known."""

from typing import TYPE_CHECKING

from pipeline.config.workers import check_batch
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.config.schema import Config


def batch_size_of(config: "Config", num_images: int) -> int:
    """Return the number of images in a batch, for a training set of ``num_images``.

    Raises:
        ConfigError: the batch is larger than the training set, or smaller than the number of
            workers.
    """
    size = _size_of(config, num_images)
    check_batch(config, size)
    return size


def _size_of(config: "Config", num_images: int) -> int:
    if config.train.batch_size == "full":
        return num_images
    if config.train.batch_size > num_images:
        raise ConfigError(
            f"train.batch_size must be at most the number of training images, {num_images:,}; "
            f"got {config.train.batch_size:,} in {config.place_of('train.batch_size')}. "
            "Write full for all images."
        )
    return config.train.batch_size
