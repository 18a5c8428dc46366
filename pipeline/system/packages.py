"""The versions of installed packages."""

from importlib.metadata import Distribution, PackageNotFoundError, distribution

# The same modules, distributed by another name: without code for GPUs.
_ALTERNATIVES = {"tensorflow": "tensorflow-cpu"}


def find_distribution(name: str) -> Distribution | None:
    """Return a distribution, or None if it is not installed; nothing is imported."""
    for candidate in filter(None, (name, _ALTERNATIVES.get(name))):
        try:
            return distribution(candidate)
        except PackageNotFoundError:
            continue
    return None


def installed_version(name: str) -> str | None:
    """Return the version of a distribution, or None if it is not installed; nothing is imported."""
    found = find_distribution(name)
    return found.version if found else None
