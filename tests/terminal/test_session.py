"""One command from start to exit code."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from pipeline.errors import ModelError
from pipeline.terminal.session import report_errors
from tests.support.paths import PROJECT


@pytest.mark.process
@pytest.mark.parametrize("command", ["config --schema", "models"])
def test_closed_pipe_is_not_a_quality_gate(command: str, tmp_path: Path) -> None:
    """``config`` writes its text itself, ``models`` by Rich."""
    reader, writer = os.pipe()
    os.close(reader)  # as head does
    arguments = [sys.executable, "-m", "pipeline", *command.split()]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        arguments, stdout=writer, stderr=subprocess.PIPE, cwd=tmp_path, env=environment, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")  # 128 + SIGPIPE


@pytest.mark.parametrize("as_json", [False, True])
def test_unexpected_error_is_reported_as_a_bug(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    with pytest.raises(typer.Exit) as caught, report_errors(as_json=as_json, debug=False):
        raise ZeroDivisionError("division by zero")
    assert caught.value.exit_code == 3
    out, err = capsys.readouterr()
    text = (
        "Internal error (this is a bug): ZeroDivisionError: division by zero. "
        "Run again with --debug and report the traceback."
    )
    assert err == f"Error: {text}\n"
    if as_json:
        document = {"type": "ZeroDivisionError", "message": text, "exit_code": 3}
        assert json.loads(out) == {"error": document}


def native_failure() -> ModelError:
    error = ModelError("model.onnx is not a valid onnx model")
    error.__cause__ = ImportError("x.so: failed to map segment from shared object")
    return error


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("can't start new thread"),
        RuntimeError("Exception caught: std::bad_alloc"),
        native_failure(),
    ],
)
def test_lack_of_memory_is_no_bug(capsys: pytest.CaptureFixture[str], error: Exception) -> None:
    with pytest.raises(typer.Exit) as caught, report_errors(as_json=False, debug=False):
        raise error
    assert caught.value.exit_code == 3
    assert capsys.readouterr().err == (
        "Error: There is not enough memory for this command. Close other programs, raise the limit "
        "of this shell or container (ulimit -v), or use a smaller model, data set or file. "
        "Completed work is saved.\n"
    )


@pytest.mark.process
def test_lack_of_address_space_is_no_bug() -> None:
    """An array of 400 MB cannot even be mapped with 300 MB."""
    code = (
        "import resource, numpy\n"
        "from pipeline.terminal.session import report_errors\n"
        "resource.setrlimit(resource.RLIMIT_AS, (3 * 10**8, -1))\n"
        "with report_errors(as_json=False, debug=False): numpy.ones(5 * 10**7)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=PROJECT
    )
    assert "There is not enough memory for this command." in done.stderr
