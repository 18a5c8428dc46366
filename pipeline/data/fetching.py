"""Download pinned files from the first host that responds, and verify their SHA-256."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from pipeline.errors import DataFileError, DataUnreachable
from pipeline.progress import MEGABYTES

if TYPE_CHECKING:
    from pipeline.progress import Progress, Task

PROBE_SECONDS = 8.0  # for all hosts together; those without a response by then are unreachable
PINNED = "the address pinned by TensorFlow Datasets"
STALL_SECONDS = 10.0  # a transfer is aborted after so long without progress


@dataclass(frozen=True)
class RemoteFile:
    """A pinned file: its address, size in bytes and SHA-256."""

    address: str
    bytes: int
    sha256: str


def fetch(
    files: Mapping[str, RemoteFile],
    mirrors: tuple[str, ...],
    folder: Path,
    progress: "Progress",
) -> None:
    """Download all files into ``folder``: from the pinned address, else from the mirrors in order.

    Existing files with the right SHA-256 are not downloaded again.

    Raises:
        DataUnreachable: no host responds, or the transfer failed on every one.
        DataFileError: every downloaded copy is truncated or altered.
    """
    hosts = find_hosts(files, mirrors, progress)
    for name, file in files.items():
        _fetch_one(name, file, hosts, folder, progress)


def find_hosts(
    files: Mapping[str, RemoteFile], mirrors: tuple[str, ...], progress: "Progress"
) -> list[str]:
    """Return the hosts that have the first file, in order of preference.

    Raises:
        DataUnreachable: no host responds.
    """
    first, pinned = next(iter(files.items()))
    addresses = {host: _address(host, first, pinned) for host in (PINNED, *mirrors)}
    with progress.task("looking for a host that has the data"):
        hosts = _responding(addresses)
    if not hosts:
        names = ", ".join(dict.fromkeys(urlsplit(url).netloc or url for url in addresses.values()))
        raise DataUnreachable(f"no host responded ({names}).")
    return hosts


def _address(host: str, name: str, file: RemoteFile) -> str:
    return file.address if host == PINNED else urljoin(host.rstrip("/") + "/", name)


def _responding(addresses: Mapping[str, str]) -> list[str]:
    """Probe all hosts concurrently, in threads, since a hanging name lookup has no timeout."""
    responded: dict[str, bool] = {}

    def probe(host: str, url: str) -> None:
        responded[host] = _responds(url)

    threads = [threading.Thread(target=probe, args=item, daemon=True) for item in addresses.items()]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + PROBE_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [host for host in addresses if responded.get(host)]


def _responds(url: str) -> bool:
    import requests

    try:
        with requests.get(url, stream=True, timeout=PROBE_SECONDS) as response:
            return response.ok
    except (requests.RequestException, ValueError):
        return False


def _fetch_one(
    name: str, file: RemoteFile, hosts: list[str], folder: Path, progress: "Progress"
) -> None:
    problems = []
    for host in hosts:
        url = _address(host, name, file)
        problem = _try(url, name, file, folder, progress)
        if problem is None:
            return
        problems.append((url, problem))
    details = "; ".join(f"{url}: {problem}" for url, problem in problems)
    if any(_is_hash_mismatch(problem) for _, problem in problems):
        raise DataFileError(
            f"The download of {name} must have SHA-256 {file.sha256} ({file.bytes:,} bytes); got "
            f"{details} The damaged copy was removed. Run again, set data.mirrors to another host, "
            "or put the original file in the folder data.manual_dir."
        )
    raise DataUnreachable(f"{name} could not be downloaded ({details}).")


def _is_hash_mismatch(problem: Exception) -> bool:
    import requests

    return isinstance(problem, ValueError) and not isinstance(problem, requests.RequestException)


def _try(
    url: str, name: str, file: RemoteFile, folder: Path, progress: "Progress"
) -> Exception | None:
    import pooch
    import requests

    with progress.task(f"downloading {name}", total=file.bytes / 1e6, unit=MEGABYTES) as task:
        downloader = pooch.HTTPDownloader(progressbar=_Bar(task), timeout=STALL_SECONDS)
        try:
            pooch.retrieve(url, f"sha256:{file.sha256}", name, folder, downloader=downloader)
        except (requests.RequestException, ValueError) as error:  # ValueError: the hash
            return error
    return None


class _Bar:
    """The progress bar that pooch expects, on top of a task."""

    def __init__(self, task: "Task") -> None:
        self.total: float = 0
        self._task = task
        self._completed = 0

    def update(self, size: int) -> None:
        self._completed += size
        self._task.update(self._completed / 1e6)

    def reset(self) -> None:
        self._completed = 0

    def close(self) -> None:
        pass
