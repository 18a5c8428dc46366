"""Paths and addresses that the tests use."""

from pathlib import Path

PROJECT = Path(__file__).parents[2]
SMOKE = PROJECT / "configs" / "smoke.yaml"
UNREACHABLE_PROXY = "http://127.0.0.1:9"  # the discard port: connections are refused immediately
UV = PROJECT / ".venv-uv" / "bin" / "uv"  # `make install` creates it


def shipped_configurations() -> list[Path]:
    """Return the files in configs/, without the studies of them."""
    files = sorted((PROJECT / "configs").rglob("*.yaml"))
    return [path for path in files if path.parent.name != "studies"]
