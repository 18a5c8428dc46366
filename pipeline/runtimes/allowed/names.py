"""Sets of names, written as texts."""


def names(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())
