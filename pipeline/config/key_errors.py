"""Errors about the value of a key, from code that does not know where the key was set."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.config.schema import Config


class InvalidValue(ConfigError):
    """The value of a key is invalid; ``with_place`` adds where it was set."""

    def __init__(self, key: str, problem: str, advice: str) -> None:
        super().__init__(f"{problem} ({key}). {advice}")
        self._key, self._problem, self._advice = key, problem, advice

    def with_place(self, config: "Config") -> ConfigError:
        """Return the error with the place of the key."""
        place = config.place_of(self._key)
        return ConfigError(f"{self._problem} ({self._key} in {place}). {self._advice}")


@contextmanager
def with_places(config: "Config") -> Iterator[None]:
    """Add the place of the key to an ``InvalidValue``.

    Raises:
        ConfigError: the same, with the place.
    """
    try:
        yield
    except InvalidValue as error:
        raise error.with_place(config) from error
