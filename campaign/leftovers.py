"""What a killed run must not leave behind once the next one has ended."""

from pathlib import Path

from pipeline.errors import ModelError
from pipeline.publishing.published_folder import read_version, versions_of

# Of TensorFlow and TensorFlow Datasets, which remove them only if their process ends by itself.
_OF_LIBRARIES = ("__autograph_generated_file", "__pycache__", "tmp")


def leftovers(workspace: Path, temporary: Path) -> list[str]:
    """Return our temporary files and folders that are left in the workspace and outside."""
    inside = [*workspace.rglob(".tmp-*"), *workspace.glob("runs/checkpoints/*")]
    outside = [path for path in temporary.iterdir() if not path.name.startswith(_OF_LIBRARIES)]
    return [str(path) for path in (*inside, *outside)]


def unfinished_versions(exported: Path) -> list[str]:
    """Return what is wrong with published versions: each must be complete as soon as it exists."""
    found: list[str] = []
    for model in exported.glob("*"):
        for number in versions_of(model):
            try:
                found += read_version(model / str(number)).alterations()
            except ModelError as error:
                found.append(str(error))
    return found


def processes_using(temporary: Path) -> list[str]:
    """Return the process ids that have a temporary folder in their environment (Linux)."""
    wanted = f"TMPDIR={temporary}".encode()
    return [
        path.parent.name for path in Path("/proc").glob("[0-9]*/environ") if wanted in _read(path)
    ]


def _read(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\0")
    except OSError:  # it exited, or belongs to another user
        return []
