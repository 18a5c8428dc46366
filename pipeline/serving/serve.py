"""Starting and stopping the server: its ports and its workers."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.config.model_names import is_reserved
from pipeline.errors import ModelError
from pipeline.publishing.locating import locate
from pipeline.publishing.published_folder import find_published, versions_of
from pipeline.serving.model_folder import ModelFolder, reserved_name
from pipeline.serving.ports import open_ports
from pipeline.serving.settings import Limits, Settings
from pipeline.serving.supervisor import STOPPING, Supervisor
from pipeline.system import daemon_threads
from pipeline.system.scratch import scratch_folder


def serve(settings: Settings, on_open: Callable[[Settings], None]) -> None:
    """Serve until SIGINT or SIGTERM; ``on_open`` is called with the ports once they are open.

    Raises:
        MachineError: a port cannot be opened, or a worker exits as soon as it starts.
    """
    for number in STOPPING:  # until a worker installs its own handlers
        signal.signal(number, _exit)
    settings, sock, reserved = open_ports(settings)
    try:
        on_open(settings)
        if settings.workers == 1:
            from pipeline.serving.worker import run_worker

            run_worker(settings, sock)
        else:
            with scratch_folder() as folder:
                os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
                (folder / "workers").mkdir()
                Supervisor(replace(settings, shared_folder=folder / "workers"), sock).run()
    finally:
        sock.close()
        if reserved:
            reserved.close()


def _exit(_signal: int, _frame: Any) -> None:
    raise SystemExit(0)


def served_folders(models: list[str], exported: Path) -> tuple[ModelFolder, ...]:
    """Return the folders of models and of single versions, given by name or by path.

    Raises:
        ModelError: there is no such model, it is a single file, its folder does not respond, its
            name is reserved, or names are ambiguous.
    """
    found: dict[str, ModelFolder] = {}
    for model in models:
        folder = _in_time(model, exported)
        if is_reserved(folder.name):
            raise ModelError(f"Cannot serve {folder.path}: {reserved_name(folder.name)}")
        other = found.get(folder.name, folder)
        if folder.path != other.path:
            raise ModelError(
                f"Each model must have a name of its own; got {folder.name} in both {other.path} "
                f"and {folder.path}. Serve one of them, or rename its folder."
            )
        found[folder.name] = folder.with_versions_of(other)
    return tuple(found.values())


def _in_time(model: str, exported: Path) -> ModelFolder:
    seconds = Limits().load_seconds
    try:
        return daemon_threads.start(_find, model, exported).result(seconds)
    except TimeoutError:
        raise ModelError(
            f"Cannot read the folder of {model}: it did not respond within {seconds:g} s. Check "
            "its file system, or serve other models."
        ) from None


def _find(model: str, exported: Path) -> ModelFolder:
    path = locate(model, exported)
    if path.is_file():
        raise ModelError(
            f"pipeline serve requires published models (NAME, NAME/VERSION or their folders); got "
            f"the file {path}. Publish a model with pipeline run and specify its name, or use "
            "pipeline predict and pipeline verify, which open single files."
        )
    folder = path.absolute()
    if versions_of(path):
        return ModelFolder(folder.name, folder)
    version = find_published(path).version  # raises an error unless the folder is a version
    if folder.name != str(version):
        raise ModelError(
            f"The folder of version {version} must be named {version}; got {path}. Rename it."
        )
    return ModelFolder(folder.parent.name, folder.parent, frozenset({version}))
