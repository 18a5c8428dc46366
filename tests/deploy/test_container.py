"""The Containerfile, executed as far as possible without a container engine."""

import json
import os
import re
import socket
import subprocess
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
import requests
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.serving.bearer_token import TOKEN_VARIABLE
from pipeline.serving.settings import MODEL_PORT
from tests.support.containerfile import instructions, last_stage
from tests.support.locks import locked
from tests.support.paths import PROJECT, UNREACHABLE_PROXY
from tests.support.processes import wait_until

ENVIRONMENT = dict(os.environ)  # before the tests disable the network
TOKEN = "0123456789abcdef"  # noqa: S105  (of a server in a test)
NO_INDEX = re.compile("NewConnectionError|NameResolutionError|No matching distribution|Timeout")


def test_container_names_no_registry_and_is_not_root() -> None:
    assert {rest.split()[0] for name, rest in instructions() if name == "FROM"} == {
        "python:3.11-slim"
    }
    user, group = last_stage()["USER"].split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert last_stage()["EXPOSE"].split() == [str(MODEL_PORT - 1), str(MODEL_PORT)]
    assert not {"ADD", "ARG", "VOLUME"} & {name for name, _ in instructions()}


def test_base_lock_matches_the_base_install() -> None:
    records = locked("base")
    names = {requirement.name for requirement in records}
    here = {r.name for r in records if not r.marker or r.marker.evaluate()}
    assert here == base_packages()
    assert not {"tensorflow", "keras", "onnx", "pytest"} & names


def base_packages() -> set[str]:
    """Return what pip would install here for the base install, by the packages' metadata."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    found: set[str] = set()
    waiting = list(project["dependencies"])
    while waiting:
        requirement = Requirement(waiting.pop())
        name = canonicalize_name(requirement.name)
        applies = not requirement.marker or requirement.marker.evaluate({"extra": ""})
        if applies and name not in found:
            found.add(name)
            waiting.extend(requires(name) or ())
    return found


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Execute the steps of the Containerfile in a temporary folder."""
    root = tmp_path_factory.mktemp("image")
    (root / "source").mkdir()
    for name, rest in instructions():
        if name == "COPY" and not rest.startswith("--from"):
            *sources, target = rest.split()
            for source in sources:
                copy(PROJECT / source, root / "source" / target / Path(source).name)
        elif name == "RUN":
            execute(inside(root, rest).replace("python ", f"{sys.executable} ", 1), root)
    return root


def copy(source: Path, target: Path) -> None:
    if target.parent.name == target.name:  # a folder is copied to one of the same name
        target = target.parent
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-r", source, target], check=True)


def inside(root: Path, command: str) -> str:
    return command.replace("/opt/pipeline", str(root / "opt" / "pipeline"))


def execute(command: str, root: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", command],
        capture_output=True,
        text=True,
        cwd=root / "source",
        env=ENVIRONMENT,
        timeout=500,
        check=False,
    )
    if done.returncode and NO_INDEX.search(done.stdout + done.stderr):
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.process
def test_container_has_only_packages_for_serving(image: Path) -> None:
    code = "import importlib.metadata as m; print(*{d.name for d in m.distributions()})"
    done = subprocess.run(
        [image / "opt/pipeline/bin/python", "-c", code], capture_output=True, text=True, check=True
    )
    normal = set(map(canonicalize_name, done.stdout.split()))
    assert normal == base_packages() | {"dense-pipeline"}


def entry_point(image: Path, *more: object) -> list[str]:
    command = [*json.loads(last_stage()["ENTRYPOINT"]), *json.loads(last_stage().get("CMD", "[]"))]
    assert command[0] == "pipeline"
    return [str(image / "opt/pipeline/bin/pipeline"), *command[1:], *map(str, more)]


def container_environment(image: Path, **more: str) -> dict[str, str]:
    """Return the container's variables, with a dead proxy that the health check must not use."""
    variables = dict(pair.split("=") for pair in inside(image, last_stage()["ENV"]).split())
    variables["PATH"] = variables["PATH"].replace("$PATH", "/usr/bin:/bin")
    return {**variables, "HOME": "/", "http_proxy": UNREACHABLE_PROXY, **more}


def test_container_requires_a_token(image: Path, complete: Path) -> None:
    done = subprocess.run(
        entry_point(image),
        capture_output=True,
        text=True,
        cwd=complete,
        env=container_environment(image),
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    for words in ("--insecure", TOKEN_VARIABLE, "0.0.0.0"):
        assert words in done.stderr


def healthy(image: Path, port: int) -> bool:
    check = last_stage()["HEALTHCHECK"].partition("CMD ")[2]
    command = [part.replace(str(MODEL_PORT), str(port)) for part in json.loads(check)]
    done = subprocess.run(
        command,
        env=container_environment(image),
        executable=image / "opt/pipeline/bin/python",
        capture_output=True,
        timeout=30,
        check=False,
    )
    return done.returncode == 0


def test_container_with_a_token_serves_and_is_healthy(
    image: Path, complete: Path, tmp_path: Path
) -> None:
    port = free_port()
    assert not healthy(image, port)
    # Later options win, so that the test listens on loopback only.
    command = entry_point(image, "--host", "127.0.0.1", "--port", port, "--no-grpc")
    before = contents_with_times(complete / "exported")
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=complete,
        env=container_environment(image, **{TOKEN_VARIABLE: TOKEN, "TMPDIR": str(tmp_path)}),
    )
    try:
        wait_until(lambda: healthy(image, port))
        url = f"http://127.0.0.1:{port}/v1/models"
        assert requests.get(url, timeout=30).status_code == 401
        headers = {"Authorization": f"Bearer {TOKEN}"}
        assert requests.get(url, headers=headers, timeout=30).json() == {"models": ["smoke"]}
    finally:
        process.terminate()
        assert process.wait(40) == 0
    assert contents_with_times(complete / "exported") == before  # mounted read-only
    assert not list(tmp_path.iterdir())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def contents_with_times(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}
