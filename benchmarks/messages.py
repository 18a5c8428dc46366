"""Requests and responses of both protocols: V1 rows, V2 with JSON and with binary tensors."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection

import numpy as np

HOST = "127.0.0.1"
LENGTH_OF_JSON = "Inference-Header-Content-Length"
NUM_CLASSES = 10
_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Response:
    """An HTTP response; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Message:
    """A POST request."""

    path: str
    headers: dict[str, str]
    body: bytes

    def wire(self, port: int) -> bytes:
        """Return the bytes of the request for a persistent connection."""
        fields = {"Host": f"{HOST}:{port}", **self.headers, "Content-Length": str(len(self.body))}
        lines = [f"POST {self.path} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items())]
        return "\r\n".join([*lines, "", ""]).encode() + self.body

    def send(self, connection: HTTPConnection) -> Response:
        """Send the request, and wait for the response."""
        connection.request("POST", self.path, self.body, self.headers)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Response(response.status, headers, response.read())


@dataclass(frozen=True)
class Protocol:
    """Encodes images, uint8 (n, 28, 28, 1), and decodes probabilities, float32 (n, 10)."""

    label: str
    write: Callable[[str, np.ndarray], Message]
    read: Callable[[Response], np.ndarray]


def connect(port: int) -> HTTPConnection:
    """Return a connection to a server on this machine."""
    return HTTPConnection(HOST, port, timeout=_TIMEOUT_SECONDS)


def _write_v1(name: str, images: np.ndarray) -> Message:
    body = _compact({"instances": images.tolist()})
    return Message(f"/v1/models/{name}:predict", {"Content-Type": "application/json"}, body)


def _read_v1(response: Response) -> np.ndarray:
    return np.array(json.loads(response.body)["predictions"], np.float32)


def _write_v2_json(name: str, images: np.ndarray) -> Message:
    tensor = {**_tensor(images), "data": images.ravel().tolist()}
    headers = {"Content-Type": "application/json"}
    return Message(f"/v2/models/{name}/infer", headers, _compact({"inputs": [tensor]}))


def _read_v2_json(response: Response) -> np.ndarray:
    [output] = json.loads(response.body)["outputs"]
    return np.array(output["data"], np.float32).reshape(output["shape"])


def _write_v2_binary(name: str, images: np.ndarray) -> Message:
    tensor = {**_tensor(images), "parameters": {"binary_data_size": images.nbytes}}
    output = {"name": "probabilities", "parameters": {"binary_data": True}}
    head = _compact({"inputs": [tensor], "outputs": [output]})
    headers = {"Content-Type": "application/octet-stream", LENGTH_OF_JSON: str(len(head))}
    return Message(f"/v2/models/{name}/infer", headers, head + images.tobytes())


def _read_v2_binary(response: Response) -> np.ndarray:
    length = int(response.headers[LENGTH_OF_JSON.lower()])
    [output] = json.loads(response.body[:length])["outputs"]
    size = output["parameters"]["binary_data_size"]
    return np.frombuffer(response.body[length : length + size], "<f4").reshape(output["shape"])


def _tensor(images: np.ndarray) -> dict[str, object]:
    return {"name": "image", "datatype": "UINT8", "shape": list(images.shape)}


def _compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


V1 = Protocol("V1", _write_v1, _read_v1)
V2_JSON = Protocol("V2", _write_v2_json, _read_v2_json)
V2_BINARY = Protocol("V2, binary", _write_v2_binary, _read_v2_binary)
