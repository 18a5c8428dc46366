"""What several workers require of other keys, found without TensorFlow."""

from typing import TYPE_CHECKING

from pipeline.config.key_errors import InvalidValue, with_places

if TYPE_CHECKING:
    from pipeline.config.schema import Config


def check_workers(config: "Config") -> None:
    """Check that weights are averaged only where there are several workers.

    Raises:
        ConfigError: there is one.
    """
    if config.train.average_every is not None and config.train.workers == 1:
        with with_places(config):
            raise InvalidValue(
                "train.average_every",
                "weights are averaged over several workers, and there is one",
                "Remove the key, or set train.workers=2 or more.",
            )
