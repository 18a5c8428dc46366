"""The gRPC port with grpcio: predictions, errors, token, TLS. Other clients are in test_clients."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from pipeline.serving.access_log import AccessLog
from pipeline.serving.grpc.handlers import HANDLERS
from pipeline.serving.grpc.messages import SERVICE, message
from pipeline.serving.grpc.port import GrpcPort
from pipeline.serving.ports import open_ports
from pipeline.serving.service import Service
from pipeline.serving.settings import Settings
from pipeline.verification.comparing import Reference
from tests.support.grpc_client import call, channel_to, infer_request, tensor
from tests.support.processes import wait_until
from tests.support.servers import Server, serving

TOKEN = "a-token-of-many-characters"  # noqa: S105
Code = grpc.StatusCode


@pytest.fixture(scope="module")
def channel(server: Server) -> Iterator[Any]:
    with channel_to(server) as opened:
        yield opened


@pytest.mark.parametrize("count", [1, 2, 64, 256])
@pytest.mark.parametrize("raw", [True, False])
def test_predictions_match_the_trained_model(
    channel: Any, reference: Reference, count: int, raw: bool
) -> None:
    images = np.load(reference.images)[:count]
    request = infer_request(inputs=[tensor(shape=images.shape)], id="mine")
    if raw:
        request["raw_input_contents"] = [images.tobytes()]
    else:
        del request["raw_input_contents"]
        request["inputs"][0]["contents"] = {"uint_contents": images.ravel().tolist()}
    response = call(channel, "ModelInfer", **request)
    [output] = response.outputs
    assert (response.model_version, response.id, output.datatype) == ("1", "mine", "FP32")
    if raw:
        got = np.frombuffer(response.raw_output_contents[0], "<f4")
    else:
        got = np.asarray(output.contents.fp32_contents, np.float32)
    expected = reference.probabilities[:count]
    np.testing.assert_allclose(got.reshape(output.shape), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "fields", "code", "words"),
    [
        ("ModelInfer", infer_request(model_name="other"), Code.NOT_FOUND, "Servable not found"),
        ("ModelInfer", infer_request(model_version="9"), Code.NOT_FOUND, "version 9"),
        ("ModelInfer", infer_request(model_version="x"), Code.INVALID_ARGUMENT, "must be a number"),
        (
            "ModelInfer",
            infer_request(parameters={"timeout": {"int64_param": 1}}),
            Code.DEADLINE_EXCEEDED,
            "deadline passed",
        ),
        (
            "ModelInfer",
            infer_request(parameters={"timeout": {"string_param": "1s"}}),
            Code.INVALID_ARGUMENT,
            "timeout must be a number of microseconds, an integer of at most 64 bits; got '1s'.",
        ),
        ("ModelInfer", infer_request(inputs=[]), Code.INVALID_ARGUMENT, "one tensor"),
        (
            "ModelInfer",
            infer_request(inputs=[tensor(datatype="FP32")]),
            Code.INVALID_ARGUMENT,
            "datatype UINT8",
        ),
        (
            "ModelInfer",
            infer_request(inputs=[tensor(shape=[1, 784])]),
            Code.INVALID_ARGUMENT,
            "[batch, 28, 28, 1]",
        ),
        (
            "ModelInfer",
            infer_request(raw_input_contents=[bytes(783)]),
            Code.INVALID_ARGUMENT,
            "784 bytes",
        ),
        (
            "ModelInfer",
            infer_request(raw_input_contents=[b"", b""]),
            Code.INVALID_ARGUMENT,
            "must contain one tensor",
        ),
        (
            "ModelInfer",
            infer_request(raw_input_contents=[]),
            Code.INVALID_ARGUMENT,
            "uint_contents must have 784 numbers",
        ),
        (
            "ModelInfer",
            infer_request(outputs=[{"name": "y"}]),
            Code.INVALID_ARGUMENT,
            "unexpected inference output 'y'",
        ),
        (
            "ModelInfer",
            infer_request(
                outputs=[
                    {"name": "probabilities", "parameters": {"classification": {"int64_param": 2}}}
                ]
            ),
            Code.UNIMPLEMENTED,
            "The classification extension is not supported; got classification (class_count) = 2.",
        ),
        ("ModelReady", {"name": "other"}, Code.NOT_FOUND, "Servable not found"),
        ("ModelMetadata", {"name": "smoke", "version": "7"}, Code.NOT_FOUND, "version 7"),
    ],
)
def test_errors_are_explained(
    channel: Any, name: str, fields: dict[str, Any], code: Any, words: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(channel, name, **fields)
    assert caught.value.code() == code
    assert words in caught.value.details()


def test_large_message_is_rejected(channel: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(channel, "ModelInfer", **infer_request(raw_input_contents=[bytes(17 * 2**20)]))
    assert caught.value.code() == Code.RESOURCE_EXHAUSTED


def test_health_and_index(channel: Any) -> None:
    assert call(channel, "ServerLive").live
    assert call(channel, "ServerReady").ready
    assert call(channel, "ModelReady", name="smoke").ready
    assert "binary_tensor_data" in call(channel, "ServerMetadata").extensions
    [row] = call(channel, "RepositoryIndex", ready=True).models
    assert (row.name, row.version, row.state) == ("smoke", "1", "READY")


def test_calls_are_counted_and_logged(server: Server, channel: Any) -> None:
    call(channel, "ModelInfer", **infer_request())
    metrics = server.get("/metrics").text
    counted = 'pipeline_requests_total{model="smoke",route="grpc ModelInfer",status="200"'
    assert counted in metrics
    path = f"/{SERVICE}/ModelInfer"
    expected_event = (path, "smoke", 200)
    wait_until(
        lambda: (
            expected_event
            in {(e.get("path"), e.get("model"), e.get("status")) for e in server.events()}
        )
    )


class RecordingAccessLog(AccessLog):
    """Records the statuses that would be counted and logged."""

    def __init__(self) -> None:
        self.statuses: asyncio.Queue[int] = asyncio.Queue()

    def log_request(self, route: str, version: Any, status: int, began: float, record: Any) -> None:
        del route, version, began, record
        self.statuses.put_nowait(status)


def test_canceled_call_is_counted_as_canceled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client cancels while the handler is known to be waiting."""

    async def leave() -> int:
        entered = asyncio.Event()

        async def wait(*_: Any) -> None:
            entered.set()
            await asyncio.sleep(60)

        monkeypatch.setitem(HANDLERS, "ServerMetadata", wait)
        settings, http, keeper = open_ports(Settings(tmp_path, port=0, grpc_port=0))
        port, access_log = None, RecordingAccessLog()
        try:
            port = GrpcPort(Service(settings), access_log)
            await port.start()
            assert settings.grpc_address
            async with grpc.aio.insecure_channel(settings.grpc_address) as channel:
                request = channel.unary_unary(f"/{SERVICE}/ServerMetadata")(b"")
                async with asyncio.timeout(30):
                    await entered.wait()
                    request.cancel()
                    return await access_log.statuses.get()
        finally:
            http.close()
            if keeper:
                keeper.close()
            if port:
                await port.stop()

    assert asyncio.run(leave()) == 499


def resident_bytes(server: Server) -> int:
    return int(Path(f"/proc/{server.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_rejected_messages_do_not_stay_in_memory(server: Server, channel: Any) -> None:
    """Neither large ones, nor those that would take forty times their size in memory."""
    infer = channel.unary_unary(f"/{SERVICE}/ModelInfer")
    unknown = message("ModelInferRequest")(
        **infer_request(model_name="other", raw_input_contents=[os.urandom(10 * 2**20)])
    ).SerializeToString()
    swelling = b"\x2a\x00" * 5_000_000  # as many empty inputs
    infer_and_expect(infer, unknown, Code.NOT_FOUND, "Available models: smoke")
    before = resident_bytes(server)
    for _ in range(20):
        infer_and_expect(infer, unknown, Code.NOT_FOUND, "Available models: smoke")
    infer_and_expect(infer, swelling, Code.RESOURCE_EXHAUSTED, "without its raw tensors")
    assert resident_bytes(server) - before < 100 * 2**20


def test_invalid_message_is_explained(server: Server, channel: Any) -> None:
    infer = channel.unary_unary(f"/{SERVICE}/ModelInfer")
    for broken in (b"\xff\xff\xff", b"\x0a\x02\xff\xfe"):  # truncated; a name that is not UTF-8
        infer_and_expect(infer, broken, Code.INVALID_ARGUMENT, "bytes as a ModelInferRequest")
    assert not [event for event in server.events() if "traceback" in event]


def infer_and_expect(infer: Any, raw: bytes, code: Any, words: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        infer(raw, timeout=30)
    assert caught.value.code() == code
    assert words in caught.value.details()


def test_token_and_tls(smoke: Path, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    options = ("--tls-certificate", certificate, "--tls-key", key)
    serving_with_token = partial(serving, verify=certificate, PIPELINE_SERVE_TOKEN=TOKEN)
    with (
        serving_with_token(smoke, *options, log=tmp_path / "log") as server,
        channel_to(server, certificate) as channel,
    ):
        assert call(channel, "ServerReady").ready  # probes need no token
        for given in (None, [("authorization", f"Bearer {TOKEN}x")], [("authorization", TOKEN)]):
            with pytest.raises(grpc.RpcError) as caught:
                call(channel, "ModelInfer", metadata=given, **infer_request())
            assert caught.value.code() == Code.UNAUTHENTICATED
            assert "Missing or invalid bearer token" in caught.value.details()
        for scheme in ("Bearer", "bearer"):
            right = [("authorization", f"{scheme} {TOKEN}")]
            response = call(channel, "ModelInfer", metadata=right, **infer_request())
            assert response.model_name == "smoke"
        with channel_to(server) as plain, pytest.raises(grpc.RpcError):
            call(plain, "ServerLive", timeout=5)
