"""The locks in ``requirements/``."""

import re

from packaging.requirements import Requirement

from tests.support.paths import PROJECT


def lock_text(name: str) -> str:
    """Return the text of a lock: ``run``, ``base``, ..."""
    return (PROJECT / "requirements" / f"{name}.txt").read_text()


def locked(name: str) -> list[Requirement]:
    """Return the requirements of a lock, without their hashes."""
    return [
        Requirement(line)
        for line in re.findall(r"^(\w.*?) *\\$", lock_text(name), flags=re.MULTILINE)
    ]
