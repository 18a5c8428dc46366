"""The keys of ``data`` that are for a folder of pictures only, and that it needs."""

from typing import TYPE_CHECKING

from pipeline.config.data_schema import FOLDER
from pipeline.config.key_errors import InvalidValue, with_places

if TYPE_CHECKING:
    from pipeline.config.schema import Config


def check_folder(config: "Config") -> None:
    """Check that the keys of ``data`` fit together, without looking into the folder.

    Raises:
        ConfigError: a key is missing, or has no effect.
    """
    data = config.data
    with with_places(config):
        if data.name == FOLDER and not data.path:
            raise missing_path()
        if data.name != FOLDER and data.path is not None:
            raise InvalidValue(
                "data.path",
                f"A path is only allowed with data.name: folder; got {data.path!r} for {data.name}",
                "Write data: {name: folder, path: DIR}, or remove the path.",
            )
        if data.name != FOLDER and data.test is not None:
            raise InvalidValue(
                "data.test",
                f"Test images are set aside only with data.name: folder; {data.name} has its own",
                "Remove the key.",
            )


def missing_path() -> InvalidValue:
    """Return the error that a folder of pictures is not named."""
    return InvalidValue(
        "data.path",
        "data.name: folder requires a path, the folder with the pictures",
        "Write data: {name: folder, path: DIR}; docs/data.md shows how to arrange the pictures.",
    )
