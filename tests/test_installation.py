"""The locks in ``requirements/``, and ``install.py``, with which the Makefile installs them."""

import hashlib
import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.locks import lock_text, locked
from tests.support.paths import PROJECT, UV

LOCKS = ["run", "dev", "docs", "base", "build", "fuzz", "mlflow", "uv"]
SCRIPT = PROJECT / "requirements" / "install.py"
needs_uv = pytest.mark.skipif(not UV.exists(), reason="made by `make install`: .venv-uv")


@pytest.mark.parametrize("name", LOCKS)
def test_locks_have_hashes_and_no_host(name: str) -> None:
    text = lock_text(name)
    records = re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]
    assert len(records) == len(locked(name)) > 0
    assert all("--hash=sha256:" in record for record in records)
    assert "://" not in text
    assert "--index" not in text


@pytest.mark.parametrize("name", ["dev", "docs", "base", "build", "fuzz", "mlflow"])
def test_locks_agree_on_versions(name: str) -> None:
    versions = {(r.name, str(r.specifier)) for r in locked("run")}  # markers may differ
    names = {requirement.name for requirement in locked("run")}
    common = [(r.name, str(r.specifier)) for r in locked(name) if r.name in names]
    assert set(common) <= versions
    if name == "base":
        assert len(common) == len(locked("base"))


def test_run_installs_no_development_tools() -> None:
    names = {requirement.name for requirement in locked("run")}
    assert not names & {"hypothesis", "mypy", "pip", "pytest", "pytest-xdist", "ruff", "uv"}


def test_every_installation_checks_hashes() -> None:
    makefile = (PROJECT / "Makefile").read_text().replace("\\\n", " ")
    lines = [line for line in makefile.splitlines() if "pip install" in line]
    bench = [line for line in lines if ".venv-bench" in line]  # other projects, to compare with
    assert len(bench) == 1
    assert len(lines) > 1
    assert all("--require-hashes" in line for line in lines if line not in bench)
    script = SCRIPT.read_text()
    assert "--require-hashes" in script
    assert "--require-build-hashes" in script


def test_stated_sizes_are_right() -> None:
    sizes = re.findall(r"run.txt.*\n.*--size \"([\d.]+) GB\"", (PROJECT / "Makefile").read_text())
    [size] = set(sizes)  # of .venv and .venv-ray
    assert f"{size} GB" in (PROJECT / "README.md").read_text()
    needed = [r for r in locked("run") if not r.marker or r.marker.evaluate()]
    try:
        found = [importlib.metadata.distribution(requirement.name) for requirement in needed]
    except importlib.metadata.PackageNotFoundError as error:
        pytest.skip(f"installed from another lock: {error}")
    files = [file for package in found for file in package.files or () if file.suffix != ".pyc"]
    assert sum(file.size or 0 for file in files) / 1e9 == pytest.approx(float(size), rel=0.15)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A package, in an index that is a folder."""
    path = tmp_path / "index" / "tiny" / "tiny-1.0-py3-none-any.whl"
    path.parent.mkdir(parents=True)
    (path.parent / "index.html").write_text(f'<a href="{path.name}">{path.name}</a>')
    about = "tiny-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", f"tiny.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n")
    return path


def install(wheel: Path, requirement: str) -> subprocess.CompletedProcess[str]:
    """Install a lock of one line, from the index of the wheel: pip is configured to use it."""
    index = wheel.parent.parent
    lock = index.parent / "lock.txt"
    lock.write_text(requirement)
    return subprocess.run(
        [sys.executable, SCRIPT, "environment", lock.name, "--size", "1 KB"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=lock.parent,
        env={
            **os.environ,
            "PIP_INDEX_URL": index.as_uri(),
            "UV_CACHE_DIR": str(lock.parent / "cache"),
        },
        timeout=120,
        check=False,
    )


@needs_uv
@pytest.mark.process
def test_installation_prints_two_lines(wheel: Path, tmp_path: Path) -> None:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    done = install(wheel, f"tiny==1.0 --hash=sha256:{digest}")
    assert done.returncode == 0, done.stdout
    first, second = done.stdout.splitlines()
    assert first == "Installing lock.txt into environment (about 1 KB)"
    assert re.fullmatch(r"Installed lock.txt into environment \(about 1 KB\) in \d+ s", second)
    subprocess.run([tmp_path / "environment" / "bin" / "python", "-c", "import tiny"], check=True)


@needs_uv
@pytest.mark.process
@pytest.mark.parametrize(
    ("requirement", "reason"),
    [
        (f"tiny==1.0 --hash=sha256:{'0' * 64}", "Hash mismatch"),
        ("tiny==1.0", "all requirements must have a hash"),
    ],
)
def test_failed_installation_prints_the_reason(wheel: Path, requirement: str, reason: str) -> None:
    done = install(wheel, requirement)
    assert done.returncode != 0
    assert "Could not install lock.txt into environment (about 1 KB):" in done.stdout
    assert reason in done.stdout


@pytest.fixture
def script() -> Any:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("install", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@needs_uv
@pytest.mark.process
def test_uv_gets_the_settings_of_pip(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://name:secret@mirror.example/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://one.example https://two.example")
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels /more")
    settings = script.pip_settings()
    assert settings["UV_DEFAULT_INDEX"] == "https://name:secret@mirror.example/simple"
    assert settings["UV_INDEX"] == "https://one.example https://two.example"
    assert settings["UV_FIND_LINKS"] == "/wheels,/more"


def test_progress_names_the_large_packages(script: Any) -> None:
    downloads = script.Downloads()
    assert downloads.update("Downloading tensorflow-cpu (261.1MiB)\n")
    assert downloads.update("Downloading numpy (16.1MiB)\n")
    assert downloads.update(" Downloaded numpy\n")
    assert not downloads.update("Resolved 92 packages in 3ms\n")
    assert str(downloads) == "16 of 277 MB, tensorflow-cpu"
    assert downloads.update(" Downloaded tensorflow-cpu\n")
    assert str(downloads) == "277 of 277 MB, unpacking"
