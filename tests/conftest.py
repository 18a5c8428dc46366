"""Shared parts: real runs in workspaces of their own, and a machine without network."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest
from serving import Server, serving

from pipeline.artifacts.model_contract import contract_for
from pipeline.runtimes.registry import choose_runtime
from pipeline.system.atomic import locked
from pipeline.tasks.registry import task_named
from pipeline.verification.comparing import Reference, read_reference

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# The same examples everywhere and always; others: pytest --hypothesis-profile=default.
hypothesis.settings.register_profile(
    "same",
    derandomize=True,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("same")

PROJECT = Path(__file__).parent.parent
SMOKE = PROJECT / "configs" / "smoke.yaml"
ONNX_ALONE = ("export.formats=[onnx]", "verify.runtimes=[onnxruntime]")  # the quickest to prove
# Read before the variable is taken away from the tests.
MNIST = Path(
    os.environ.get("PIPELINE_MANUAL_DIR") or PROJECT.parent / "shared/data/mnist"
).resolve()
NO_HOST = "http://127.0.0.1:9"  # the discard port: refused at once


@pytest.fixture(scope="session", autouse=True)
def no_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """No host but loopback answers, and nothing is prepared: everywhere the same start."""
    prepared = tmp_path_factory.mktemp("tensorflow_datasets")
    settings = {
        "http_proxy": NO_HOST,
        "https_proxy": NO_HOST,
        "HTTP_PROXY": NO_HOST,
        "HTTPS_PROXY": NO_HOST,
        "no_proxy": "127.0.0.1,::1",
        "NO_PROXY": "127.0.0.1,::1",
        "TFDS_DATA_DIR": str(prepared),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PIPELINE_MANUAL_DIR", raising=False)
        for name, value in settings.items():
            patch.setenv(name, value)
        yield settings


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """The four official files, where they are."""
    if not (MNIST / "train-images-idx3-ubyte.gz").is_file():
        pytest.skip(
            "MNIST's four files are neither in PIPELINE_MANUAL_DIR nor ../shared/data/mnist"
        )
    return MNIST


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


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the smoke model published from the sample; tests only read it."""
    workspace = tmp_path_factory.mktemp("smoke")
    done = run_smoke(workspace)
    assert done.code == 0, done.err
    return workspace


@pytest.fixture
def workspace(smoke: Path, tmp_path: Path) -> Path:
    """A copy of the smoke workspace that a test may go on in."""
    shutil.copytree(smoke, tmp_path / "workspace")
    return tmp_path / "workspace"


@pytest.fixture
def exported(smoke: Path, tmp_path: Path) -> Path:
    """A copy of ``exported/`` that a test may change."""
    shutil.copytree(smoke / "exported", tmp_path / "exported")
    return tmp_path / "exported"


ALL_FORMATS = "[saved_model,onnx,keras,litert,onnx_int8,onnx_fp16,openvino]"


@pytest.fixture(scope="session")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the smoke model in every format, proven in every runtime; only read.

    Made once for all processes of the tests: proving takes half a minute.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # of this run, shared by its processes
    workspace = base / "complete"
    with locked(base):
        if not (workspace / "made").exists():
            # One of 333 images is 0.3 points: where sums are rounded otherwise, a copy may lose it.
            formats = (f"export.formats={ALL_FORMATS}", "export.max_accuracy_drop=2")
            done = run_smoke(workspace, *formats, "verify.runtimes=null")
            assert done.code == 0, done.err
            (workspace / "made").touch()
    return workspace


@pytest.fixture(scope="session")
def published(complete: Path) -> Path:
    """The published version with every format; only read."""
    return complete / "exported" / "smoke" / "1"


@pytest.fixture(scope="session")
def reference(complete: Path) -> Reference:
    """What every file of it must answer."""
    [data] = (complete / "runs" / "data").iterdir()
    [evaluation] = (complete / "runs" / "evaluate").iterdir()
    task = task_named("multiclass")
    contract = contract_for(task.output(10), image_shape=(28, 28, 1))
    return read_reference(data, evaluation, contract, task)


@pytest.fixture(scope="session")
def server(complete: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the published model; tests only ask."""
    log = tmp_path_factory.mktemp("server") / "log"
    with serving(complete, log=log) as running:
        yield running


def _absent(runtime: str) -> pytest.MarkDecorator:
    found = choose_runtime(runtime)
    return pytest.mark.skipif(not found.installed, reason=f"{runtime}: {found.package.command}")


needs_node = _absent("onnxruntime-node")
needs_browser = _absent("onnxruntime-web")


def copy_package(target: Path) -> Path:
    """Copy the package; what other processes compile meanwhile comes and goes."""
    return shutil.copytree(
        PROJECT / "pipeline", target, ignore=shutil.ignore_patterns("__pycache__")
    )


def is_running(pid: str) -> bool:
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())  # empty: ended, not yet collected
    except OSError:  # it has ended, perhaps while it was read
        return False


def wait_until_ended(pids: Iterable[str], seconds: float = 120) -> None:
    """Wait for processes that are to end by themselves."""
    deadline = time.monotonic() + seconds
    while left := [pid for pid in pids if is_running(pid)]:
        assert time.monotonic() < deadline, f"{left} go on"
        time.sleep(0.05)


def contents(folder: Path) -> Sequence[str]:
    """Everything below a folder, hidden things included."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key, by openssl."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", folder / "key.pem", "-out", folder / "certificate.pem"),
        ],
        check=True,
        capture_output=True,
    )
    return folder / "certificate.pem", folder / "key.pem"
