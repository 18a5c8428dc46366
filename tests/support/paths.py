"""Paths and addresses that the tests use."""

from pathlib import Path

PROJECT = Path(__file__).parents[2]
SMOKE = PROJECT / "configs" / "smoke.yaml"
NO_HOST = "http://127.0.0.1:9"  # the discard port: refused at once
UV = PROJECT / ".venv-uv" / "bin" / "uv"  # `make install` creates it
