"""Random HTTP requests: valid ones with mutated bodies or heads, and bytes that are no request."""

import io
import json
import random
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from campaign.mutations import mutated
from tests.support.mutations import damage

SHAPE = (28, 28, 1)
_PREDICT, _INFER = b"/v1/models/smoke:predict", b"/v2/models/smoke/infer"
_CLASSIFY = b"/v1/models/smoke:classify-image"
_GETS = [
    b"/", b"/v1/models", b"/v1/models/smoke", b"/v1/models/smoke/metadata", b"/openapi.json",
    b"/v1/models/smoke/versions/1", b"/v1/models/smoke/labels/stable", b"/v2", b"/v2/models/smoke",
    b"/v2/health/ready", b"/v2/models/smoke/versions/1/ready", b"/page/main.js", b"/nowhere",
]  # fmt: skip
_HEADERS = [
    b"Transfer-Encoding: chunked", b"Content-Length: 9999999999999999999", b"Content-Length: -1",
    b"Expect: 100-continue", b"Upgrade: h2c", b"Content-Encoding: gzip", b"Connection: close",
    b"Inference-Header-Content-Length: 7", b"X-Request-Id: \xff", b"Authorization: Bearer x",
    b"Host: a", b": b", b"A" * 70_000 + b": b", b"Cookie: " + b"c" * 9000, b"Connection: upgrade",
]  # fmt: skip
_STARTS = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n",
    b"GET http://other/ HTTP/1.0\r\n\r\n",
    b"\r\n\r\n\r\n",
    b"",
]


@dataclass(frozen=True)
class Sent:
    """What one connection sends; a ``framed`` request is complete, so it must be answered."""

    content: bytes
    framed: bool


def random_request(chance: random.Random) -> Sent:
    """Return a random request."""
    kind = chance.random()
    if kind < 0.6:
        return Sent(_with_body(chance), framed=True)
    if kind < 0.7:
        return Sent(_head(b"GET", _path(chance)) + b"\r\n", framed=True)
    if kind < 0.9:
        return Sent(_with_mutated_head(chance), framed=False)
    if kind < 0.95:
        return Sent(_chunked(chance), framed=False)
    return Sent(chance.choice(_STARTS) + chance.randbytes(chance.randrange(200)), framed=False)


@cache
def bodies() -> list[tuple[bytes, bytes, int | None]]:
    """Return valid requests: path, body, and the length of the JSON before raw tensors."""
    images = np.random.default_rng(0).integers(0, 256, (2, *SHAPE), np.uint8)
    tensor = {"name": "image", "datatype": "UINT8", "shape": [2, *SHAPE]}
    values = images.ravel().tolist()
    raw = {"inputs": [{**tensor, "parameters": {"binary_data_size": images.size}}]}
    documents: list[tuple[bytes, dict[str, object]]] = [
        (_PREDICT, {"instances": images.tolist()}),
        (_PREDICT, {"signature_name": "serving_default", "inputs": {"image": images.tolist()}}),
        (_PREDICT, {"instances": [{"image": image} for image in images[:1].tolist()]}),
        (_INFER, {"id": "a", "inputs": [{**tensor, "data": values}]}),
        (_INFER, {"inputs": [{**tensor, "data": images.tolist()}]}),
    ]
    found: list[tuple[bytes, bytes, int | None]] = [
        (path, json.dumps(document).encode(), None) for path, document in documents
    ]
    text = json.dumps(raw).encode()
    found.append((_INFER, text + images.tobytes(), len(text)))
    for name in ("PNG", "JPEG", "WEBP"):
        file = io.BytesIO()
        Image.fromarray(images[0].squeeze()).resize((40, 30)).save(file, name)
        found.append((_CLASSIFY, file.getvalue(), None))
    return found


def _with_body(chance: random.Random) -> bytes:
    path, body, json_length = chance.choice(bodies())
    if path == _CLASSIFY:
        body = damage(body, chance)
    elif chance.random() < 0.9:
        body = mutated(body, chance)
    return _post(path, body, json_length)


def _with_mutated_head(chance: random.Random) -> bytes:
    path, body, json_length = chance.choice(bodies())
    head, _, rest = _post(path, body, json_length).partition(b"\r\n\r\n")
    if chance.random() < 0.4:
        head += b"\r\n" + chance.choice(_HEADERS)
    else:
        head = mutated(head, chance)
    return head + b"\r\n\r\n" + rest


def _chunked(chance: random.Random) -> bytes:
    path, body, _ = chance.choice(bodies())
    head = _head(b"POST", path) + b"Transfer-Encoding: chunked\r\n\r\n"
    cut = chance.randrange(len(body))
    pieces = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[:cut], body[cut:]) if piece]
    trailer = chance.choice([b"", b"A: b\r\n", b"Content-Length: 3\r\n"])
    whole = b"".join(pieces) + b"0\r\n" + trailer + b"\r\n"
    return head + (mutated(whole, chance) if chance.random() < 0.8 else whole)


def _path(chance: random.Random) -> bytes:
    path = chance.choice(_GETS)
    if chance.random() < 0.5:
        return path
    return bytes(byte for byte in mutated(path, chance) if 32 < byte < 127) or b"/"


def _post(path: bytes, body: bytes, json_length: int | None) -> bytes:
    length = b"Content-Length: %d\r\n" % len(body)
    if json_length is not None:
        length += b"Inference-Header-Content-Length: %d\r\n" % json_length
    return _head(b"POST", path) + length + b"\r\n" + body


def _head(method: bytes, path: bytes) -> bytes:
    return b"%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n" % (method, path)
