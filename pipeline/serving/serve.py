"""Starting and stopping the server: its ports and its workers."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.serving.ports import open_ports
from pipeline.serving.settings import Settings
from pipeline.serving.supervisor import STOPPING, Supervisor
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
                Supervisor(settings, sock).run()
    finally:
        sock.close()
        if reserved:
            reserved.close()


def _exit(_signal: int, _frame: Any) -> None:
    raise SystemExit(0)


def served_folders(models: list[str], exported: Path) -> tuple[Path, ...]:
    """Return the folders of models given by name or by path.

    Raises:
        ModelError: a model is neither.
    """
    from pipeline.publishing.locating import locate
    from pipeline.publishing.published_folder import find_published

    folders = []
    for model in models:
        folder = locate(model, exported)
        find_published(folder)
        folders.append(folder)
    return tuple(folders)
