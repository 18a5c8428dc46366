"""The workers that train together, from ``TF_CONFIG``, which launchers of TensorFlow set.

Its value is JSON: ``{"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker",
"index": 0}}``; worker 0 may also be the only member of a job ``chief``.
"""

import json
import os
import re
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pipeline.errors import ConfigError, MissingExtra, RequestError

if TYPE_CHECKING:
    from pipeline.config.schema import Config

VARIABLE = "TF_CONFIG"
_SHOWN = 200  # characters of an invalid value
_JOBS = ("chief", "worker")
_ADDRESS = re.compile(r"(?P<host>.+):(?P<port>\d{1,5})")
_EXAMPLE = (
    'such as {"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


@dataclass(frozen=True)
class Membership:
    """This worker among all: ``addresses`` are ``HOST:PORT``, by rank; worker 0 leads."""

    rank: int
    addresses: tuple[str, ...]
    has_chief: bool = False

    @property
    def size(self) -> int:
        """The number of workers."""
        return len(self.addresses)

    @property
    def leads(self) -> bool:
        """Whether this worker decides, and writes all files."""
        return self.rank == 0

    @property
    def cluster(self) -> dict[str, list[str]]:
        """The addresses by job, as TensorFlow wants them."""
        own = list(self.addresses)
        return {"chief": own[:1], "worker": own[1:]} if self.has_chief else {"worker": own}

    def task_of(self, rank: int) -> tuple[str, int]:
        """Return the job and the index of a worker."""
        if not self.has_chief:
            return "worker", rank
        return ("worker", rank - 1) if rank else ("chief", 0)

    def named(self, rank: int) -> str:
        """Return how messages call a worker."""
        return f"worker {rank} ({self.addresses[rank]})"


def find_membership(config: "Config") -> Membership | None:
    """Return the membership that ``TF_CONFIG`` describes; None without workers or variable.

    Raises:
        RequestError: the value is not a description of workers.
        ConfigError: it names another number of workers than ``train.workers``.
    """
    text, workers = os.environ.get(VARIABLE), config.train.workers
    if workers == 1 or not text:
        return None
    found = parse(text)
    if found.size != workers:
        raise ConfigError(
            f"train.workers must be the number of workers in {VARIABLE}, {found.size}; got "
            f"{workers} in {config.place_of('train.workers')}. Set train.workers={found.size}, or "
            f"list {workers} workers in {VARIABLE}."
        )
    return found


def require_workers(config: "Config") -> None:
    """Check that a process with several workers knows where they are, or can start them on Ray.

    Raises:
        MissingExtra: ``TF_CONFIG`` is not set, and Ray is not installed.
        ConfigError: ``TF_CONFIG`` names another number of workers.
        RequestError: its value is not a description of workers.
    """
    if config.train.workers > 1 and find_membership(config) is None and not _has_ray():
        place = config.place_of("train.workers")
        raise MissingExtra(
            f"Training with {config.train.workers} workers (train.workers in {place}) where "
            f"{VARIABLE} does not name them",
            "ray",
        )


def _has_ray() -> bool:
    try:
        return find_spec("ray") is not None
    except ValueError:  # it cannot be imported
        return False


def parse(text: str) -> Membership:
    """Return the membership that a value of ``TF_CONFIG`` describes.

    Raises:
        RequestError: it is not JSON, or does not describe workers.
    """
    try:
        value = json.loads(text)
    except ValueError as error:
        raise _invalid("JSON", text) from error
    cluster, task = (_member(value, key) for key in ("cluster", "task"))
    if not isinstance(cluster, dict) or not cluster or not set(cluster) <= {*_JOBS}:
        raise _invalid("an object whose cluster has the job worker, chief, or both", text)
    chief, workers = (cluster.get(job, []) for job in _JOBS)
    if not _are_addresses(chief) or not _are_addresses(workers) or len(chief) > 1:
        raise _invalid("an object whose cluster lists each HOST:PORT, and at most one chief", text)
    if len({*chief, *workers}) < len([*chief, *workers]):
        raise _invalid("an object whose cluster lists each HOST:PORT once", text)
    job, index = _member(task, "type"), _member(task, "index")
    if job not in cluster or type(index) is not int or not 0 <= index < len(cluster[job]):
        raise _invalid("an object whose task is the type and index of an address in cluster", text)
    rank = index + (len(chief) if job == "worker" else 0)
    return Membership(rank, (*chief, *workers), has_chief=bool(chief))


def _member(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _are_addresses(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(a, str) and _is_address(a) for a in value)


def _is_address(text: str) -> bool:
    match = _ADDRESS.fullmatch(text)
    return match is not None and 0 < int(match["port"]) < 2**16


def _invalid(expected: str, text: str) -> RequestError:
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return RequestError(
        f"The environment variable {VARIABLE} must be {expected}; got {shown!r}. Write a value "
        f"{_EXAMPLE}, with each worker's own index, or unset the variable."
    )
