"""Get pinned files from the first host that answers; nothing is kept unless its SHA-256 fits."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from pipeline.errors import DataFileError, DataUnreachable

if TYPE_CHECKING:
    from pipeline.progress import Progress, Task

PROBE_SECONDS = 8.0  # all hosts at once; what has not answered by then counts as unreachable
PINNED = "the address pinned by TensorFlow Datasets"
STALL_SECONDS = 10.0  # a transfer that stands still for so long is given up


@dataclass(frozen=True)
class RemoteFile:
    """A file as it is pinned: its address, its size in bytes, its SHA-256."""

    address: str
    bytes: int
    sha256: str


def fetch(
    files: Mapping[str, RemoteFile],
    mirrors: tuple[str, ...],
    folder: Path,
    progress: "Progress",
) -> None:
    """Get all files into ``folder``: from the pinned address, else from the mirrors in order.

    A file that is there already and whose SHA-256 fits is not fetched again.

    Raises:
        DataUnreachable: no host answers, or the transfer broke on every one.
        DataFileError: every copy that could be had is cut short or altered.
    """
    answering = find_hosts(files, mirrors, progress)
    for name, file in files.items():
        _fetch_one(name, file, answering, folder, progress)


def find_hosts(
    files: Mapping[str, RemoteFile], mirrors: tuple[str, ...], progress: "Progress"
) -> list[str]:
    """Return the hosts that have the first file, in order of preference.

    Raises:
        DataUnreachable: none answers.
    """
    first, pinned = next(iter(files.items()))
    hosts = {host: _address(host, first, pinned) for host in (PINNED, *mirrors)}
    with progress.task("looking for a host that has the data"):
        answering = _answering(hosts)
    if not answering:
        names = ", ".join(dict.fromkeys(urlsplit(url).netloc or url for url in hosts.values()))
        raise DataUnreachable(f"no host answered ({names}).")
    return answering


def _address(host: str, name: str, file: RemoteFile) -> str:
    return file.address if host == PINNED else urljoin(host.rstrip("/") + "/", name)


def _answering(hosts: Mapping[str, str]) -> list[str]:
    """Ask all hosts at once, in threads: a name server that hangs has no time limit of its own."""
    answers: dict[str, bool] = {}

    def ask(host: str, url: str) -> None:
        answers[host] = _answers(url)

    threads = [threading.Thread(target=ask, args=item, daemon=True) for item in hosts.items()]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + PROBE_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [host for host in hosts if answers.get(host)]


def _answers(url: str) -> bool:
    import requests

    try:
        with requests.get(url, stream=True, timeout=PROBE_SECONDS) as response:
            return response.ok
    except (requests.RequestException, ValueError):
        return False


def _fetch_one(
    name: str, file: RemoteFile, answering: list[str], folder: Path, progress: "Progress"
) -> None:
    problems = []
    for host in answering:
        url = _address(host, name, file)
        problem = _try(url, name, file, folder, progress)
        if problem is None:
            return
        problems.append((url, problem))
    told = "; ".join(f"{url}: {problem}" for url, problem in problems)
    if any(_is_hash_mismatch(problem) for _, problem in problems):
        raise DataFileError(
            f"{name} must have SHA-256 {file.sha256} ({file.bytes:,} bytes); got {told} "
            "The bad copy was removed. Run again, name another host in data.mirrors, or put the "
            "original in data.manual_dir."
        )
    raise DataUnreachable(f"{name} could not be fetched ({told}).")


def _is_hash_mismatch(problem: Exception) -> bool:
    import requests

    return isinstance(problem, ValueError) and not isinstance(problem, requests.RequestException)


def _try(
    url: str, name: str, file: RemoteFile, folder: Path, progress: "Progress"
) -> Exception | None:
    import pooch
    import requests

    with progress.task(f"fetching {name}", total=file.bytes) as task:
        downloader = pooch.HTTPDownloader(progressbar=_Bar(task), timeout=STALL_SECONDS)
        try:
            pooch.retrieve(url, f"sha256:{file.sha256}", name, folder, downloader=downloader)
        except (requests.RequestException, ValueError) as error:  # ValueError: the hash
            return error
    return None


class _Bar:
    """What pooch asks of a progress bar, on top of a task."""

    def __init__(self, task: "Task") -> None:
        self.total: float = 0
        self._task = task
        self._completed = 0

    def update(self, size: int) -> None:
        self._completed += size
        self._task.update(self._completed)

    def reset(self) -> None:
        self._completed = 0

    def close(self) -> None:
        pass
