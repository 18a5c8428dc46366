"""Shared fixtures: real runs in temporary workspaces, and a machine without network."""

import gc
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest

from pipeline.artifacts.data_set import Split
from pipeline.artifacts.model_contract import contract_for
from pipeline.config import read
from pipeline.data.sample import read_sample
from pipeline.engine.workspace import Workspace
from pipeline.progress import Silent
from pipeline.runtimes.telemetry import NO_TELEMETRY
from pipeline.stages import run_stages
from pipeline.system.atomic import locked
from pipeline.tasks.registry import task_named
from pipeline.verification.comparing import Reference, read_reference
from tests.support.command_line import run_smoke
from tests.support.cores import on_all_cores
from tests.support.data_hosts import be_patient, host
from tests.support.paths import SMOKE, UNREACHABLE_PROXY
from tests.support.picture_models import publish as publish_picture_models
from tests.support.servers import Server, serving
from tests.support.single_output import OUTPUTS, reference_of
from tests.support.single_output import publish as publish_single_output

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.update(NO_TELEMETRY)  # test modules import onnxruntime themselves
# The same examples on every run; for random ones: pytest --hypothesis-profile=default.
hypothesis.settings.register_profile(
    "same",
    derandomize=True,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("same")

pytest_plugins = ["tests.support.needs"]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Import the modules without searching them for garbage, neither now nor later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


# Read before the variable is removed from the environment of the tests.
MNIST = os.environ.get("PIPELINE_MANUAL_DIR")


@pytest.fixture(scope="session", autouse=True)
def no_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Make only loopback reachable and no data set prepared, so all machines are alike."""
    prepared = tmp_path_factory.mktemp("tensorflow_datasets")
    settings = {
        "http_proxy": UNREACHABLE_PROXY,
        "https_proxy": UNREACHABLE_PROXY,
        "HTTP_PROXY": UNREACHABLE_PROXY,
        "HTTPS_PROXY": UNREACHABLE_PROXY,
        "no_proxy": "127.0.0.1,::1",
        "NO_PROXY": "127.0.0.1,::1",
        "TFDS_DATA_DIR": str(prepared),
        "PIPELINE_WORKER_SECONDS": "180",  # on a busy machine, TensorFlow's import alone takes 60 s
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PIPELINE_MANUAL_DIR", raising=False)
        for name, value in settings.items():
            patch.setenv(name, value)
        yield settings


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """The folder of the four official files."""
    if MNIST is None:
        pytest.skip("needs the full MNIST: set PIPELINE_MANUAL_DIR to the folder of its four files")
    folder = Path(MNIST).resolve()
    assert (folder / "train-images-idx3-ubyte.gz").is_file(), f"PIPELINE_MANUAL_DIR={MNIST}"
    return folder


def _made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder that the first process to need it makes, for all processes of this run."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    place = base / f"{name}.shared"  # each name has its own lock: others need not wait
    place.mkdir(exist_ok=True)
    folder, finished = place / name, place / "finished"
    with locked(place):
        if not finished.exists():
            make(folder)
            finished.touch()
    return folder


@dataclass(frozen=True)
class FullMnist:
    """The full MNIST: prepared by TensorFlow Datasets, and a workspace with the data stage.

    The stage ran three times: without a host, with a mirror, and forced, with the mirror.
    """

    workspace: Path

    @property
    def tfds_dir(self) -> Path:
        return self.workspace / "tfds"

    @property
    def data(self) -> Path:
        """The output of the last run of the stage ``data``."""
        return self.workspace / "runs" / "data" / str(json.loads(self._runs)[-1][0])

    @property
    def runs(self) -> list[list[Any]]:
        """The status of each run, the number of training images, and where they came from."""
        return [facts for _, *facts in json.loads(self._runs)]

    @property
    def _runs(self) -> str:
        return (self.workspace / "runs.json").read_text()


@pytest.fixture(scope="session")
def full_mnist(mnist_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> FullMnist:
    """The full MNIST from a mirror; preparing it takes half a minute. Read-only."""

    def data_stage(workspace: Path, *settings: str, force: str | None = None) -> list[Any]:
        config = read(SMOKE, [f"data.tfds_dir={workspace / 'tfds'}", *settings])
        place = Workspace(workspace)
        [result] = run_stages(config, place, Silent(), until="data", force=force)
        facts = result.output.facts
        return [result.output.path.name, result.status, facts.train, facts.origin]

    def make(workspace: Path) -> None:
        with pytest.MonkeyPatch.context() as patch, host(mnist_dir) as mirror:
            be_patient(patch)
            settings = f"data.mirrors=['{mirror.address}']"
            runs = [
                data_stage(workspace),
                data_stage(workspace, settings),
                data_stage(workspace, settings, force="data"),
            ]
        (workspace / "runs.json").write_text(json.dumps(runs))

    return FullMnist(_made_once(tmp_path_factory, "full_mnist", make))


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the smoke model, published from the sample; read-only."""

    def make(workspace: Path) -> None:
        done = run_smoke(workspace)
        assert done.code == 0, done.err

    return _made_once(tmp_path_factory, "smoke", make)


@pytest.fixture(scope="module")
def all_cores() -> Iterator[None]:
    """Use all cores in a module whose processes need two."""
    with on_all_cores():
        yield


@pytest.fixture(scope="module")
def digits() -> Split:
    """500 real digits, for training in seconds."""
    images, labels = read_sample()
    order = np.random.default_rng(0).permutation(len(labels))[:500]
    return Split(images[order], labels[order])


@pytest.fixture
def workspace(smoke: Path, tmp_path: Path) -> Path:
    """A copy of the smoke workspace that a test may use."""
    shutil.copytree(smoke, tmp_path / "workspace")
    return tmp_path / "workspace"


@pytest.fixture
def exported(smoke: Path, tmp_path: Path) -> Path:
    """A copy of ``exported/`` that a test may change."""
    shutil.copytree(smoke / "exported", tmp_path / "exported")
    return tmp_path / "exported"


ALL_FORMATS = "[saved_model,onnx,keras,litert,onnx_int8,onnx_fp16,openvino]"


@pytest.fixture(scope="session")
def complete(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the smoke model in every format, verified in every runtime; read-only."""

    def make(workspace: Path) -> None:
        for stage in ("data", "train", "evaluate"):
            shutil.copytree(smoke / "runs" / stage, workspace / "runs" / stage)
        # One of 333 images is 0.3 points; a copy may lose it if sums are rounded differently.
        formats = (f"export.formats={ALL_FORMATS}", "export.max_accuracy_drop=2")
        done = run_smoke(workspace, *formats, "verify.runtimes=null")
        assert done.code == 0, done.err

    return _made_once(tmp_path_factory, "complete", make)


@pytest.fixture(scope="session")
def published(complete: Path) -> Path:
    """The published version with every format; only read."""
    return complete / "exported" / "smoke" / "1"


@pytest.fixture(scope="session")
def reference(complete: Path) -> Reference:
    """The reference for every file of the published version."""
    [data] = (complete / "runs" / "data").iterdir()
    [train] = (complete / "runs" / "train").iterdir()
    [evaluation] = (complete / "runs" / "evaluate").iterdir()
    task = task_named("multiclass")
    contract = contract_for(task.output(10), image_shape=(28, 28, 1))
    return read_reference(data, train, evaluation, contract, task)


@pytest.fixture(scope="session")
def server(complete: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the published model; tests only send requests."""
    log = tmp_path_factory.mktemp("server") / "log"
    with serving(complete, log=log) as running:
        yield running


@pytest.fixture(scope="session")
def single_output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a binary and a regression model, published from the sample; read-only."""
    return _made_once(tmp_path_factory, "single_output", publish_single_output)


@pytest.fixture(scope="session")
def single_output_server(
    single_output: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server of the binary and the regression model; tests only send requests."""
    log = tmp_path_factory.mktemp("single_output_server") / "log"
    with serving(single_output, log=log) as running:
        yield running


@pytest.fixture(scope="session")
def single_references(single_output: Path) -> dict[str, Reference]:
    """The exact predictions of the binary and the regression model, by name."""
    return {name: reference_of(single_output, name) for name in OUTPUTS}


@pytest.fixture(scope="session")
def picture_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with models of colors, clothes and letters, published from small sets."""
    return _made_once(tmp_path_factory, "picture_models", publish_picture_models)


@pytest.fixture(scope="session")
def picture_server(
    picture_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server of the models of colors, clothes and letters; tests only send requests."""
    log = tmp_path_factory.mktemp("picture_server") / "log"
    with serving(picture_models, log=log) as running:
        yield running


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key, made by openssl."""
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
