"""One command from start to exit code."""

import json
import os
import subprocess
import sys

import pytest
import typer

from pipeline.terminal.session import report_errors


@pytest.mark.process
def test_closed_pipe_is_not_a_quality_gate() -> None:
    reader, writer = os.pipe()
    os.close(reader)  # as head does
    arguments = [sys.executable, "-m", "pipeline", "config", "--schema"]
    done = subprocess.run(arguments, stdout=writer, stderr=subprocess.PIPE, check=False)
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
