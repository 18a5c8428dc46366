"""The server process: startup, workers, memory."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from pipeline.serving.settings import Settings
from pipeline.serving.supervisor import Supervisor
from tests.support.command_line import Done, assert_error, command
from tests.support.paths import PROJECT
from tests.support.processes import wait_until
from tests.support.servers import Server, serving, start_for_people

BODY = {"instances": [[[[0]] * 28] * 28]}
BASE = PROJECT / ".venv-base" / "bin" / "python"


def serve(workspace: Path, *arguments: object) -> Done:
    return command("serve", "-C", workspace, "--port", 0, *arguments, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["other"], 2, ["No model 'other' is published in", "smoke"]),
        (["--host", "0.0.0.0"], 2, ["must require a token or use TLS", "--insecure"]),
        (["--host", "::"], 2, ["must require a token or use TLS"]),
        (["--host", "192.0.2.1", "--insecure"], 2, ["--host must be an address of this machine"]),
        (["--host", "no such host", "--insecure"], 2, ["--host must be a name or address"]),
        (["--tls-certificate", "a.pem"], 2, ["requires both", "got only --tls-certificate"]),
        (["--tls-key", "a.pem"], 2, ["requires both", "got only --tls-key"]),
        (
            ["--tls-certificate", "a", "--tls-key", "b"],
            2,
            ["must be matching PEM files", "a and b"],
        ),
        (["--token-file", "nowhere"], 2, ["Cannot read --token-file nowhere", "No such file"]),
        (["--workers", 0], 2, ["--workers"]),
    ],
)
def test_invalid_options_are_explained(
    smoke: Path, arguments: list[Any], code: int, words: list[str]
) -> None:
    assert_error(serve(smoke, *arguments), code, *words)


def test_port_in_use_is_reported(smoke: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = command("serve", "-C", smoke, "--port", port, timeout=60)
        assert_error(
            done, 3, f"Cannot listen on 127.0.0.1:{port}", "Address already in use", "--port"
        )
        assert_error(serve(smoke, "--grpc-port", port), 3, "Cannot listen on", "--no-grpc")


def test_startup_output(smoke: Path) -> None:
    process = start_for_people(smoke)
    assert process.stdout
    assert process.stderr
    first, second = process.stdout.readline(), process.stdout.readline()
    assert requests.get(first.split()[1] + "v2/health/ready", timeout=30).status_code == 200
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert first.startswith("Serving http://127.0.0.1:")
    assert second.startswith("gRPC    127.0.0.1:")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", [1, 2])
def test_signal_during_startup_exits_cleanly(
    smoke: Path, tmp_path: Path, number: signal.Signals, workers: int
) -> None:
    options = ("--workers", workers)
    with serving(smoke, *options, log=tmp_path / "log", wait=False) as server:
        assert server.stop(number) == 0
        assert "Traceback" not in server.log.read_text()


def test_ctrl_c_during_worker_start_is_not_lost() -> None:
    class Starting:
        def start(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)

    supervisor = Supervisor(Settings(exported=Path()), Mock())
    supervisor._spawn = Mock(Process=lambda **_: Starting())
    previous = signal.signal(signal.SIGINT, lambda *_: None)
    signal.set_wakeup_fd(supervisor._wakeup.fileno())
    try:
        supervisor._start()
    finally:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, previous)
    with supervisor._signals, supervisor._wakeup:
        assert supervisor._wait(0) == signal.SIGINT


def test_server_runs_with_closed_standard_streams(smoke: Path) -> None:
    command_line = f"{sys.executable} -m pipeline serve -C {smoke} --port 0 --no-grpc 2>&- <&-"
    process = subprocess.Popen(
        ["bash", "-c", f"exec {command_line}"], stdout=subprocess.PIPE, text=True, cwd=PROJECT
    )
    assert process.stdout
    url = process.stdout.readline().split()[1]
    assert requests.get(f"{url}v1/models", timeout=30).status_code == 200
    assert str(Path(f"/proc/{process.pid}/fd/2").readlink()) == "/dev/null"
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_ipv6(smoke: Path, tmp_path: Path) -> None:
    for host in ("::1", "[::1]"):
        with serving(smoke, "--host", host, log=tmp_path / "log") as server:
            assert server.url.startswith("http://[::1]:")
            assert server.predict(BODY).status_code == 200


def workers_of(server: Server) -> list[int]:
    text = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text()
    return [pid for pid in map(int, text.split()) if b"spawn_main" in command_of(pid)]


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has exited
        return b""


def is_alive(pid: int) -> bool:
    try:
        return "Z (zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def completed(server: Server) -> float:
    """Return the number of requests for the model that all workers have reported."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(server.get("/metrics").text)
        for sample in family.samples
        if sample.name == "pipeline_requests_total"
        and sample.labels["model"] == "smoke"
        and sample.labels["status"] == "200"
    )


def test_workers_share_ports_and_are_restarted(smoke: Path, tmp_path: Path) -> None:
    with serving(smoke, "--workers", 2, log=tmp_path / "log") as server:
        wait_until(lambda: len(workers_of(server)) == 2)
        for _ in range(40):
            assert server.predict(BODY).status_code == 200
        wait_until(lambda: completed(server) == 40)  # each worker reports its counts every second
        time.sleep(5.5)  # a worker that exits sooner is not restarted
        first = workers_of(server)[0]
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: len(workers_of(server)) == 2 and first not in workers_of(server))
        wait_until(lambda: server.predict(BODY).status_code == 200)
        both = workers_of(server)
        assert server.stop() == 0
        assert not any(map(is_alive, both))


def test_workers_exit_when_parent_is_killed(smoke: Path, tmp_path: Path) -> None:
    with serving(smoke, "--workers", 2, log=tmp_path / "log") as server:
        wait_until(lambda: len(workers_of(server)) == 2)
        both = workers_of(server)
        server.stop(signal.SIGKILL)
        wait_until(lambda: not any(map(is_alive, both)))


@pytest.mark.skipif(not BASE.exists(), reason="made by `make test`: .venv-base")
def test_base_install_serves_in_150_megabytes(complete: Path, tmp_path: Path) -> None:
    with serving(complete, log=tmp_path / "log", python=BASE) as server:
        for count in (1, 1, 32, 256):
            body = {"instances": BODY["instances"] * count}
            assert server.predict(body).status_code == 200
        maps = Path(f"/proc/{server.pid}/maps").read_text()
        status = Path(f"/proc/{server.pid}/status").read_text()
    assert "tensorflow" not in maps
    [resident] = [line for line in status.splitlines() if line.startswith("VmRSS")]
    assert int(resident.split()[1]) <= 150 * 1024


LARGE_BLOCKS = """
import ctypes
from pipeline.serving.memory import return_large_blocks


def resident_bytes():
    pages = int(open("/proc/self/statm").read().split()[1])
    return pages * 4096


return_large_blocks()
bytearray(30 << 20)  # freed: by default, glibc then allocates blocks up to this size on the heap
before = resident_bytes()
for _ in range(8):  # each iteration leaves a small block allocated
    large, small = b"x" * (6 << 20), ctypes.create_string_buffer(50_000)
    allocated = [*globals().get("allocated", ()), small]
    del large
print(resident_bytes() - before)
"""


@pytest.mark.process
def test_large_blocks_are_returned_to_the_system() -> None:
    command = [sys.executable, "-c", LARGE_BLOCKS]
    done = subprocess.run(command, text=True, capture_output=True, check=True)
    assert int(done.stdout) < 2 << 20


def test_serving_never_loads_tensorflow(server: Server) -> None:
    server.predict(BODY)
    assert "tensorflow" not in Path(f"/proc/{server.pid}/maps").read_text()
