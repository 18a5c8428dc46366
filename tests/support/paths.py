"""Paths and addresses that the tests use."""

from pathlib import Path

PROJECT = Path(__file__).parents[2]
SMOKE = PROJECT / "configs" / "smoke.yaml"
UNREACHABLE_PROXY = "http://127.0.0.1:9"  # the discard port: connections are refused immediately
UV = PROJECT / ".venv-uv" / "bin" / "uv"  # `make install` creates it
