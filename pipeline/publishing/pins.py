"""``pins.json`` of a model: the labels that a run must leave where they are.

The caller holds the lock of the model's folder.
"""

import json
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from pipeline.errors import ModelError
from pipeline.system.atomic import write_file
from pipeline.system.regular_files import read_regular

PINS = "pins.json"
_BYTES = 2**20
_PINS = TypeAdapter(dict[str, str | None])


def read_pins(model_folder: Path) -> dict[str, str | None]:
    """Return the pinned labels, each with the reason that was given, if any.

    Raises:
        ModelError: the file is not a mapping of labels to reasons.
    """
    path = model_folder / PINS
    try:
        return _PINS.validate_json(read_regular(path, _BYTES), strict=True)
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError) as error:
        problem = error.strerror if isinstance(error, OSError) else error.errors()[0]["msg"]
        raise ModelError(
            f'{path} must map labels to reasons, as in {{"stable": "incident 12"}}: {problem}. '
            "Correct or remove the file."
        ) from error


def set_pin(model_folder: Path, label: str, *, pinned: bool, reason: str | None) -> bool:
    """Pin a label, or release it; return whether that changed the pins or a reason.

    Raises:
        ModelError: the pins cannot be read.
        StorageError: they cannot be written.
    """
    before = read_pins(model_folder)
    pins = {name: why for name, why in before.items() if name != label}
    if pinned:
        pins[label] = reason
    if pins == before:
        return False
    write_file(model_folder / PINS, (json.dumps(pins, indent=2) + "\n").encode())
    return True
