"""Finding a model by the name it was published under, or by its path."""

import os
from pathlib import Path


def locate(model: str | os.PathLike[str], exported: Path) -> Path:
    """Return ``exported/MODEL`` for the name of a published model, with or without its version.

    Anything else is the path of a folder or a file.
    """
    named = exported / model
    return named if named.is_dir() else Path(model)
