"""The command line in a process of its own, as users run it."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import PROJECT, SMOKE

ONNX_ALONE = ("export.formats=[onnx]", "verify.runtimes=[onnxruntime]")  # the quickest to prove


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    code: int
    out: str
    err: str


def command(
    *arguments: object, timeout: float = 500, cwd: Path = PROJECT, **environment: str
) -> Done:
    """Run the command line as a user does, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=cwd,
        env={**os.environ, **environment},
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def assert_error(done: Done, code: int, *words: str) -> None:
    """One paragraph with these words, the exit code, and no traceback."""
    assert done.code == code, done.err
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err


def run_smoke(workspace: Path, *overrides: str) -> Done:
    return command("run", SMOKE, *overrides, "--workspace", workspace, "--json")
