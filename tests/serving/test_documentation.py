"""docs/serving.md: every command runs and produces the output shown there."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import app
from pipeline.serving.http.route_table import ROUTER
from pipeline.serving.protocols import page, tensorflow
from pipeline.serving.protocols.openapi import _DESCRIPTIONS
from pipeline.serving.settings import Limits
from tests.support.paths import PROJECT
from tests.support.servers import Server, serving
from tests.support.single_output import OUTPUTS

PAGE = (PROJECT / "docs" / "serving.md").read_text().replace("mlp", "smoke")
URL = "http://127.0.0.1:8501"
CLIENTS = PROJECT / ".venv-clients" / "bin" / "python"
# A command with its mark, and the output shown below it.
EXAMPLES = re.findall(r"```sh ?(\w*)\n(.*?)```\n\n```(json|text)\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working directory of the commands, where curl fails on error responses."""
    path = tmp_path_factory.mktemp("page")
    (path / ".curlrc").write_text("silent\nshow-error\nfail-with-body\nmax-time = 30\n")
    (path / "token").write_text("0123456789abcdef\n")
    (path / "samples").symlink_to(PROJECT / "samples")
    return path


@pytest.fixture(scope="module")
def token_server(
    complete: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server that requires a token."""
    log = tmp_path_factory.mktemp("token_server") / "log"
    with serving(complete, "--token-file", folder / "token", "--no-grpc", log=log) as running:
        yield running


@pytest.fixture(scope="module")
def results(
    server: Server, single_output_server: Server, token_server: Server, folder: Path
) -> list[subprocess.CompletedProcess[str]]:
    """The results of all commands, in order, since some use files that others create."""
    found = []
    for mark, command, *_ in EXAMPLES:
        chosen = token_server if mark == "token" else server
        if re.search(rf"/models/({'|'.join(OUTPUTS)})\b", command):
            chosen = single_output_server
        found.append(shell(command.replace(URL, chosen.url), folder))
    return found


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "CURL_HOME": str(folder)},
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("index", range(len(EXAMPLES)))
def test_command_produces_the_output_shown(
    index: int, results: list[subprocess.CompletedProcess[str]]
) -> None:
    mark, command, language, shown = EXAMPLES[index]
    done = results[index]
    assert (done.returncode == 0) == (mark != "error"), command + done.stdout + done.stderr
    if language == "text":
        assert all(line in done.stdout for line in shown.splitlines()), done.stdout[:2000]
    else:
        assert outline(read_shown(shown), json.loads(done.stdout))


def read_shown(text: str) -> Any:
    """Read JSON in which dots stand for more items, or for the contents of an object."""
    text = text.replace("{...}", '"anything"')
    return json.loads(re.sub(r",\s*\.\.\.", "", text))


def outline(shown: Any, got: Any) -> bool:
    """Check that the keys and strings match; numbers come from another model."""
    if shown == "anything":
        return isinstance(got, dict)
    if isinstance(shown, dict):
        assert set(shown) == set(got)
        return all(outline(shown[key], got[key]) for key in shown)
    if isinstance(shown, list):
        assert len(shown) <= len(got)
        return all(outline(*pair) for pair in zip(shown, got, strict=False))
    if isinstance(shown, bool) or not isinstance(shown, str | int | float):
        assert shown == got
    elif isinstance(shown, str):
        assert got.startswith(shown), (shown, got)
    else:
        assert isinstance(got, int | float)
    return True


def test_every_route_has_a_command_with_output() -> None:
    assert len(EXAMPLES) == len(re.findall(r"```sh", PAGE)) >= 15
    requested = [
        (command, re.search(rf"{URL}(\S+)", command))
        for mark, command, *_ in EXAMPLES
        if mark != "error"
    ]
    shown = {
        ROUTER.match("POST" if posts(c) else "GET", found[1])[0].handler
        for c, found in requested
        if found
    }
    left_out = {tensorflow.unsupported_verb, page.file}
    assert shown == {route.handler for route in ROUTER.routes} - left_out


def posts(command: str) -> bool:
    return bool(re.search(r"curl.* (-d|-F|--data-binary|-X POST)", command))


def test_token_is_required_where_documented(token_server: Server) -> None:
    assert token_server.get("/v1/models").status_code == 401
    assert (
        token_server.get("/v2/health/ready").status_code == token_server.get("/").status_code == 200
    )


@pytest.mark.skipif(not CLIENTS.exists(), reason="made by `make test`: .venv-clients")
def test_grpc_example_runs(server: Server, tmp_path: Path) -> None:
    example = python_example("tritonclient")
    assert len(example.strip().splitlines()) <= 6
    assert_prints_ten_numbers(CLIENTS, example, server, tmp_path)


@pytest.mark.tensorflow
@pytest.mark.skipif(
    find_spec("tensorflow_serving") is None,
    reason="made by `make test`: tensorflow-serving-api in .venv",
)
def test_tensorflow_example_runs(server: Server, tmp_path: Path) -> None:
    example = python_example("tensorflow_serving")
    assert_prints_ten_numbers(Path(sys.executable), example, server, tmp_path)


def python_example(package: str) -> str:
    """Return the only example that imports a package."""
    examples: list[str] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    [found] = [example for example in examples if package in example]
    return found


def assert_prints_ten_numbers(python: Path, example: str, server: Server, tmp_path: Path) -> None:
    assert server.grpc
    done = subprocess.run(
        [python, "-c", example.replace("127.0.0.1:8500", server.grpc)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"\d\.\d+", done.stdout)) == 10


def table(heading: str) -> list[list[str]]:
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line[:1] == "|"]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_options_table_matches_the_command() -> None:
    from typer.main import get_command

    options = get_command(app).commands["serve"].params  # type: ignore[attr-defined]
    known = {name for option in options for name in (*option.opts, *option.secondary_opts)}
    cells = [cell for row in table("Start") for cell in row]
    on_by_default = {"--grpc", "--access-log"}
    named = set(re.findall(r"`(-[\w-]+)`", " ".join(cells))) | on_by_default
    assert named == {name for name in known if name[0] == "-"}
    assert {row[1].strip("`") for row in table("Limits")} <= named | {""}


def test_errors_table_lists_every_status() -> None:
    assert {int(row[0]) for row in table("Errors")} == set(_DESCRIPTIONS) - {200} | {405}


def test_limits_table_matches_the_defaults() -> None:
    units = {"MB": 2**20, "KB": 2**10}
    named = {}
    for name, _, default, _ in table("Limits"):
        number, _, unit = default.replace(",", "").partition(" ")
        named[name.strip("`")] = int(number) * units.get(unit, 1)
    assert named == {field.name: field.default for field in fields(Limits)}


def test_files_in_the_documentation_exist() -> None:
    named = re.findall(r"`((?:deploy|tests|docs)/[\w./-]+\w)`", PAGE)
    assert len(named) >= 5
    assert all((PROJECT / name).exists() for name in named)
    assert shutil.which("curl")
