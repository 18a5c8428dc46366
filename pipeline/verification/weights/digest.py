"""The SHA-256 of the trained weights, which does not depend on the format of a file."""

import hashlib
import json
from collections.abc import Iterator

import numpy as np

from pipeline.verification.network import Network, Weights


def weights_sha256(network: Network) -> str:
    """Return the SHA-256 of the kernel and the bias of each layer, in the order of the network.

    For each array, a line of JSON with its name, dtype and shape, such as
    ``["hidden_1.kernel", "float32", [784, 32]]`` and a line feed, then its values in little-endian
    byte order, the last axis first. ``["output.bias", null, []]`` stands for a missing bias.
    """
    digest = hashlib.sha256()
    for layer in network.layers:
        for name, values in (("kernel", layer.kernel), ("bias", layer.bias)):
            for chunk in _chunks(f"{layer.name}.{name}", values):
                digest.update(chunk)
    return digest.hexdigest()


def _chunks(name: str, values: Weights | None) -> Iterator[bytes | memoryview]:
    dtype = None if values is None else values.dtype.name
    shape = [] if values is None else list(values.shape)
    yield json.dumps([name, dtype, shape]).encode() + b"\n"
    if values is not None:
        yield np.ascontiguousarray(values, values.dtype.newbyteorder("<")).data
