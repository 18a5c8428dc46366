"""Run the command line: in a separate process, as users do, or in this one."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from pipeline.cli import app
from tests.support.paths import PROJECT, SMOKE

ONNX_ALONE = ("export.formats=[onnx]", "verify.runtimes=[onnxruntime]")  # the fastest to verify


@dataclass(frozen=True)
class Done:
    """A finished command."""

    code: int
    out: str
    err: str


def command(
    *arguments: object, timeout: float = 500, cwd: Path = PROJECT, **environment: str
) -> Done:
    """Run the command line in a separate process, as a user does."""
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


def in_process(*arguments: object) -> Done:
    """Run the command line in this process, which has imported everything already."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception  # a process would show a traceback
    return Done(done.exit_code, done.stdout, done.stderr)


def assert_error(done: Done, code: int, *words: str) -> None:
    """Check the exit code, and that the error contains the words and no traceback."""
    assert done.code == code, done.err
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err


def run_smoke(workspace: Path, *overrides: str) -> Done:
    return command("run", SMOKE, *overrides, "--workspace", workspace, "--json")
