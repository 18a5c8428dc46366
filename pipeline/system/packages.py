"""The versions of installed packages."""

from importlib.metadata import PackageNotFoundError, version

# The same modules, distributed by another name: without code for GPUs.
_ALTERNATIVES = {"tensorflow": "tensorflow-cpu"}


def installed_version(distribution: str) -> str | None:
    """Return the version of a distribution, or None if it is not installed; nothing is imported."""
    for name in filter(None, (distribution, _ALTERNATIVES.get(distribution))):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None
