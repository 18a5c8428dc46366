"""Print the part of requirements.lock that the base install needs, hashes included.

Usage: python deploy/base_requirements.py [PACKAGE ...] > base.lock

pip selects no part of a lock itself: where hashes are demanded it takes no unpinned requirement,
constraints or not. What is printed goes to ``pip install --require-hashes``, which refuses it where
something is missing. PACKAGE names more of the lock, such as flit-core to build.
"""

import re
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parent.parent


def main() -> None:
    """Print it."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[^\w-]", requirement)[0] for requirement in project["dependencies"]}
    records = _records((PROJECT / "requirements.lock").read_text())
    needed = _needed(wanted | set(sys.argv[1:]), records)
    print("".join(record for name, record in records if name in needed), end="")


def _records(lock: str) -> list[tuple[str, str]]:
    """Return names and lines; a package that differs between machines is there more than once."""
    records = re.split(r"^(?=\w)", lock, flags=re.MULTILINE)[1:]
    return [(record.partition("==")[0], record) for record in records]


def _needed(wanted: set[str], records: list[tuple[str, str]]) -> set[str]:
    """Add what is needed by what is wanted, until nothing is added: uv notes who asked for it."""
    needed = {name for name, record in records if wanted & _asked_by(record)}
    return wanted if needed <= wanted else _needed(wanted | needed, records)


def _asked_by(record: str) -> set[str]:
    return set(re.findall(r"^ +#(?: via|  ) ([\w-]+)$", record, re.MULTILINE))


if __name__ == "__main__":
    main()
