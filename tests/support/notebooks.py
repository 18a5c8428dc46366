"""Execute a notebook; ``python -m tests.support.notebooks WORKSPACE`` renews docs/quickstart.ipynb.

WORKSPACE is an empty folder: the network is trained in it, on the sample if no host is reachable.
"""

import os
import shutil
import sys
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from tests.support.paths import PROJECT, SMOKE

QUICKSTART = PROJECT / "docs" / "quickstart.ipynb"


class _ThisInterpreter(AsyncKernelManager):
    """Starts the interpreter of this process, whichever kernels are installed."""

    def _kernel_spec_manager_default(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[])  # leaves the one of ipykernel itself


def executed(workspace: Path) -> nbformat.NotebookNode:
    """Return the quickstart as executed in ``docs`` of a workspace, which has its configuration."""
    (workspace / "configs").mkdir(parents=True, exist_ok=True)
    shutil.copy(SMOKE, workspace / "configs")
    folder = workspace / "docs"
    folder.mkdir()
    notebook = nbformat.read(shutil.copy(QUICKSTART, folder), as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        kernel_manager_class=_ThisInterpreter,
        timeout=500,
        resources={"metadata": {"path": str(folder)}},
    )
    return client.execute(env=_environment(workspace))


def cleaned(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a notebook without what differs between two executions: progress and times."""
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number}", {}
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _is_progress(output)]
            for output in cell.outputs:
                output.get("data", {}).pop("image/jpeg", None)  # beside the same picture as PNG
    notebook.metadata = {"language_info": {"name": "python"}}
    return notebook


def _is_progress(output: nbformat.NotebookNode) -> bool:
    return bool(output.output_type == "stream" and output.name == "stderr")


def _environment(workspace: Path) -> dict[str, str]:
    """Return an environment in which nothing is written outside of the workspace."""
    jupyter = str(workspace / "jupyter")
    places = dict.fromkeys(("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"), jupyter)
    return {**os.environ, **places, "PYTHONPATH": str(PROJECT)}


if __name__ == "__main__":
    made = cleaned(executed(Path(sys.argv[1]).resolve()))
    nbformat.write(made, QUICKSTART)  # type: ignore[no-untyped-call]
