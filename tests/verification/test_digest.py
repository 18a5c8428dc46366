"""The SHA-256 of the weights, as it is documented."""

import hashlib

import numpy as np

from pipeline.verification.network import Dense, Network
from pipeline.verification.weights.digest import weights_sha256

KERNEL, BIAS = np.arange(6, dtype=np.float32).reshape(3, 2), np.ones(2, np.float32)


def network(kernel: np.ndarray = KERNEL, *, name: str = "hidden_1") -> Network:
    return Network(
        np.float32(1 / 255), (Dense(kernel, BIAS, "relu", name), Dense(BIAS[:, None], None))
    )


def test_definition() -> None:
    content = (
        b'["hidden_1.kernel", "float32", [3, 2]]\n' + KERNEL.tobytes()
        + b'["hidden_1.bias", "float32", [2]]\n' + BIAS.tobytes()
        + b'[".kernel", "float32", [2, 1]]\n' + BIAS.tobytes()
        + b'[".bias", null, []]\n'
    )  # fmt: skip
    assert weights_sha256(network()) == hashlib.sha256(content).hexdigest()


def test_bytes_do_not_depend_on_the_memory_layout() -> None:
    other = np.asfortranarray(KERNEL.astype(">f4"))
    assert weights_sha256(network(other)) == weights_sha256(network())


def test_names_shapes_and_bits_count() -> None:
    changed = KERNEL.copy()
    changed[0, 0] = -0.0
    others = (network(KERNEL.reshape(2, 3)), network(changed), network(name="hidden_2"))
    assert len({weights_sha256(one) for one in (network(), *others)}) == 4
