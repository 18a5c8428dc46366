"""The command that shows event files in TensorBoard."""

import shlex
import shutil
import sys
from pathlib import Path

from pipeline.system.atomic import explain_storage_errors


def command_to_look(folder: Path) -> str:
    """Return the command for a folder of event files, which is created if it does not exist.

    Raises:
        StorageError: the folder cannot be created.
    """
    with explain_storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return shlex.join([_program(), "--logdir", str(folder)])


def _program() -> str:
    """Return how to call TensorBoard from this shell: it may be in an environment not active."""
    beside = Path(sys.executable).with_name("tensorboard")
    is_on_path = shutil.which("tensorboard") is not None
    return str(beside) if beside.is_file() and not is_on_path else "tensorboard"
