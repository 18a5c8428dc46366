"""Names that no published model may have."""

# After /v2/models/, these are not names of models: Triton's statistics of all models are at
# /v2/models/stats. Paths are matched regardless of case.
RESERVED_NAMES = frozenset({"config", "stats"})


def is_reserved(name: str) -> bool:
    """Return whether the server reads a name as something else than a model."""
    return name.lower() in RESERVED_NAMES
