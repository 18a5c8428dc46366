"""Code that runs in the environment of the client libraries, which has Kubernetes' classes."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import PROJECT

CLIENTS = PROJECT / ".venv-clients" / "bin" / "python"
needs_clients = pytest.mark.skipif(not CLIENTS.exists(), reason="`make test` creates .venv-clients")


def in_clients(code: str, file: Path) -> Any:
    """Return the JSON that code prints, which knows the path ``file``."""
    done = subprocess.run(
        [CLIENTS, "-c", f"file = {str(file)!r}\n{code}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
