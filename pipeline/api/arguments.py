"""Arguments that several functions have."""

from pathlib import Path

from pipeline.commands.loading import PathLike
from pipeline.engine.workspace import Workspace
from pipeline.errors import RequestError

DEFAULT_CONFIG = "configs/mlp.yaml"


def existing_workspace(workspace: PathLike, contents: str) -> Workspace:
    """Return a workspace that contains something, such as ``runs/``.

    Raises:
        RequestError: its folder does not exist.
    """
    resolved = Workspace(Path(workspace))
    if not resolved.root.is_dir():
        raise RequestError(
            f"The workspace {resolved.root} is not a folder. Specify the one that contains "
            f"{contents}: --workspace FOLDER."
        )
    return resolved
