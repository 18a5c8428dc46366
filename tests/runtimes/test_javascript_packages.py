"""The npm packages of the JavaScript runtimes: their folder, installation and use by a wheel."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.runtimes.npm import NpmPackage, packages_folder, packages_root
from pipeline.runtimes.registry import choose_runtime
from pipeline.system.atomic import sha256
from tests.support.command_line import Done, assert_error, command
from tests.support.files import copy_package
from tests.support.paths import PROJECT, UV
from tests.support.requirements import needs_node

LOCK = json.loads((PROJECT / "pipeline/runtimes/js/package-lock.json").read_text())
needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")


def python(*arguments: object, cwd: Path, **environment: str) -> Done:
    """Run Python with the package from ``cwd`` or PYTHONPATH."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True, text=True, cwd=cwd, env={**inherited, **environment},
        timeout=500, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with our package installed from its wheel."""
    path = tmp_path_factory.mktemp("installed")
    wheel = [sys.executable, "-m", "flit_core.wheel", "--outdir", str(path / "wheel")]
    subprocess.run(wheel, cwd=PROJECT, check=True, capture_output=True)
    [file] = (path / "wheel").iterdir()
    target = ["--no-deps", "--no-index", "--target", str(path / "packages")]
    install = [str(UV), "pip", "install", *target, str(file)]
    subprocess.run(install, cwd=path, check=True, capture_output=True)
    return path / "packages"


@needs_node
def test_installed_wheel_verifies_in_nodejs(installed: Path, smoke: Path, tmp_path: Path) -> None:
    shutil.copy(smoke / "exported" / "smoke" / "1" / "model.onnx", tmp_path)
    verify = ("-m", "pipeline", "verify", "model.onnx", "--runtime", "onnxruntime-node")
    options = ("--workspace", smoke, "--json")
    done = python(*verify, *options, cwd=tmp_path, PYTHONPATH=str(installed))
    assert done.code == 0, done.err
    [check] = json.loads(done.out)["checks"]
    assert (check["runtime"], check["ran"], check["passed"]) == ("onnxruntime-node", True, True)


FINGERPRINTED = """
import json, sys
from pathlib import Path
from pipeline.config import read
from pipeline.artifacts.data_source import FULL, Source
from pipeline.engine.plan import Plan
from pipeline.engine.workspace import Workspace
from pipeline.stages import GRAPH

plan = Plan(GRAPH, read(Path(sys.argv[1]), []), Source(FULL, ""), Workspace(Path("nowhere")))
print(json.dumps(plan.ingredients["verify"].code))
"""


@pytest.mark.process
def test_installed_wheel_fingerprints_its_scripts(installed: Path, tmp_path: Path) -> None:
    shutil.copytree(installed, tmp_path / "packages")
    folder = tmp_path / "packages" / "pipeline" / "runtimes" / "js"
    (folder / "node.mjs").write_text("// another\n")
    code = ("-c", FINGERPRINTED, PROJECT / "configs" / "mlp.yaml")
    done = python(*code, cwd=tmp_path, PYTHONPATH=str(tmp_path / "packages"))
    assert done.code == 0, done.err
    hashes = json.loads(done.out)
    for name in ("node.mjs", "browser.mjs", "packages.mjs", "page.html"):
        assert hashes[name] == sha256(folder / name)


@pytest.mark.process
def test_wheel_has_the_scripts_but_no_npm_packages(installed: Path) -> None:
    names = {path.name for path in (installed / "pipeline" / "runtimes" / "js").iterdir()}
    assert names == {path.name for path in (PROJECT / "pipeline/runtimes/js").iterdir()}
    assert {"package.json", "package-lock.json", ".npmrc", "node.mjs", "page.html"} < names
    assert "node_modules" not in names


@needs_node
def test_relative_folder_is_resolved_in_the_current_directory(smoke: Path, tmp_path: Path) -> None:
    """Workers run in another directory."""
    (tmp_path / "mine").symlink_to(packages_root())
    model = smoke / "exported" / "smoke" / "1" / "model.onnx"
    done = command(
        "verify", model, "--runtime", "onnxruntime-node", "-C", smoke,
        cwd=tmp_path, PIPELINE_JS_DIR="mine", PYTHONPATH=str(PROJECT),
    )  # fmt: skip
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "/home/me/.local/share/dense-pipeline/js"),
        ({"XDG_DATA_HOME": "/data"}, "/data/dense-pipeline/js"),
        ({"XDG_DATA_HOME": "data"}, "/home/me/.local/share/dense-pipeline/js"),
        ({"XDG_DATA_HOME": "/data", "PIPELINE_JS_DIR": "/js"}, "/js"),
        ({"PIPELINE_JS_DIR": "~/js"}, "/home/me/js"),
    ],
)
def test_packages_folder_follows_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str
) -> None:
    for name in ("XDG_DATA_HOME", "PIPELINE_JS_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/me", **environment}.items():
        monkeypatch.setenv(name, value)
    assert packages_root() == Path(expected)
    assert packages_folder().parent == Path(expected)


@pytest.mark.process
def test_doctor_names_the_missing_folder_and_the_command(tmp_path: Path) -> None:
    done = command("doctor", "-C", tmp_path, "--json", PIPELINE_JS_DIR=str(tmp_path / "js"))
    findings = {finding["subject"]: finding for finding in json.loads(done.out)}
    packages, node = findings["npm packages"], findings["runtime onnxruntime-node"]
    assert not packages["fine"]
    assert packages["found"] == f"not installed in {tmp_path / 'js' / packages_folder().name}"
    assert packages["advice"].startswith("python -m pipeline.runtimes.npm (in a clone: make ")
    assert (node["fine"], node["advice"]) == (False, packages["advice"])


@pytest.mark.process
@needs_node
def test_doctor_names_the_installed_folder(tmp_path: Path) -> None:
    findings = json.loads(command("doctor", "-C", tmp_path, "--json").out)
    [packages] = [finding for finding in findings if finding["subject"] == "npm packages"]
    assert (packages["fine"], packages["found"]) == (True, f"in {packages_folder()}")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the package that needs no packages from the npm registry."""
    scripts = copy_package(tmp_path / "copy" / "pipeline") / "runtimes" / "js"
    (scripts / "package.json").write_text('{"name": "empty"}')
    lock = {"name": "empty", "lockfileVersion": 3, "packages": {"": {"name": "empty"}}}
    (scripts / "package-lock.json").write_text(json.dumps(lock))
    return tmp_path / "copy"


def install(copied: Path, root: Path, *options: str, **environment: str) -> Done:
    arguments = (*options, "-m", "pipeline.runtimes.npm")
    return python(*arguments, cwd=copied, PIPELINE_JS_DIR=str(root), **environment)


@pytest.mark.process
@needs_npm
def test_each_lock_has_its_own_folder(copied: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "js" / packages_folder().name
    theirs.mkdir(parents=True)
    done = install(copied, tmp_path / "js")
    assert done.code == 0, done.err
    [ours] = set((tmp_path / "js").iterdir()) - {theirs}
    assert done.out.endswith(f"The packages of the JavaScript runtimes are in {ours}\n")
    assert (ours / "package-lock.json").is_file()
    assert list(theirs.iterdir()) == []


@pytest.mark.process
@needs_npm
def test_existing_folder_is_not_changed(copied: Path, tmp_path: Path) -> None:
    assert install(copied, tmp_path / "js").code == 0
    [ours] = (tmp_path / "js").iterdir()
    (ours / "package-lock.json").unlink()
    assert install(copied, tmp_path / "js").code == 0
    assert not (ours / "package-lock.json").exists()


@pytest.mark.process
@needs_npm
def test_failed_npm_installation_leaves_nothing(copied: Path, tmp_path: Path) -> None:
    (copied / "pipeline/runtimes/js/package.json").write_text("{")
    done = install(copied, tmp_path / "js")
    assert_error(done, 3, "npm ci failed with exit code 1; nothing was installed into",
                 "EJSONPARSE")  # fmt: skip
    assert list((tmp_path / "js").iterdir()) == []


@pytest.mark.process
def test_missing_npm_is_reported_with_the_command(copied: Path, tmp_path: Path) -> None:
    done = install(copied, tmp_path / "js", PATH=str(tmp_path))
    assert_error(
        done, 3, f"Installing npm packages into {tmp_path / 'js'}/", "apt-get install nodejs npm"
    )


@pytest.mark.process
@needs_npm
def test_unwritable_folder_is_reported_with_its_setting(copied: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = install(copied, tmp_path / "file" / "js")
    assert_error(done, 3, "part of the path is a file", "PIPELINE_JS_DIR")


@pytest.mark.process
@needs_npm
def test_installing_needs_no_python_packages(copied: Path, tmp_path: Path) -> None:
    """In a clone `make javascript` runs in parallel with `make install`."""
    done = install(copied, tmp_path / "js", "-S")
    assert done.code == 0, done.err


def test_lock_pins_the_packages_of_all_runtimes() -> None:
    for name in ("onnxruntime-node", "onnxruntime-web"):
        package = choose_runtime(name).package
        assert isinstance(package, NpmPackage)
        assert {f"node_modules/{needed}" for needed in package.names} <= set(LOCK["packages"])


def test_lock_names_no_host() -> None:
    assert "://" not in json.dumps(LOCK)
