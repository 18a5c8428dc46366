"""Compare the float32 weights in an exported file with the trained ones, bit for bit.

Predictions cannot show every fault, such as a changed weight of a pixel that no test image inks.
int8 and float16 files have other weights by design. Some converters fold constants of an activation
into the weights next to it; those weights must be the exact float32 results:

- the 3 of hard_sigmoid, relu6(x + 3) / 6, into the bias before it (all converters, in some cases)
- its 1/6, and the 1/2 of squareplus, into the kernel after it (LiteRT)

LiteRT's converter also multiplies the last layer by the factor of the logits, which is 2 for the
output tanh of two classes, and moves biases of linear hidden layers into those of later layers. The
sums of these are compared within the rounding errors of float32, since the order of summation is
not known.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.errors import WorkerFailed, one_line
from pipeline.tasks.task import UNIT_ROUNDOFF
from pipeline.verification.exact import is_supported
from pipeline.verification.network import Dense, Indices, Network, Weights
from pipeline.verification.weights.reading import Reader, read_here

Array = npt.NDArray[np.float64]
Chain = tuple[Dense, ...]

_ADDED = {"hard_sigmoid": np.float32(3)}
_MULTIPLIED = {"hard_sigmoid": np.float32(1) / np.float32(6), "squareplus": np.float32(0.5)}


def trained_network(path: Path, *, read: Reader = read_here) -> Network | None:
    """Return the network in a ``.keras`` file; ``read`` is ``read_isolated`` for foreign files.

    None if it is not a network whose exact predictions can be computed, if the file is damaged, or
    if h5py, which Keras needs too, is not installed.
    """
    try:
        network = read(path, "keras")
    except Exception:  # noqa: BLE001  (whatever another structure raises)
        return None
    return network if network is not None and is_supported(network) else None


def weight_failures(
    path: Path, file_format: str, trained: Network, *, read: Reader = read_here
) -> tuple[str, ...] | None:
    """Return how the weights of a file differ from the trained ones: no sentence, or one.

    None if its format or version does not permit the comparison. ``read`` is ``read_isolated`` for
    foreign files.
    """
    try:
        found = read(path, file_format)
        failures = [] if found is None else _failures(found, trained)
    except ModuleNotFoundError:
        return None  # of a package that reads the format; the base install has none
    except WorkerFailed as error:
        return (f"its weights could not be read: {error}",)
    except Exception as error:  # noqa: BLE001  (whatever a damaged file raises)
        return (f"its weights could not be read: {type(error).__name__}: {one_line(error)}",)
    if found is None:
        return None
    more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
    return tuple(f"its weights must be the trained ones; {text}{more}" for text in failures[:1])


def _failures(found: Network, trained: Network) -> list[str]:
    """Return the differences, none if a converter multiplied the last layer by the factor."""
    found = _aligned(found, trained)
    failures = list(_differences(found, trained))
    if failures and found.layers and trained.factor != 1:
        return min(failures, list(_differences(_divided(found, trained), trained)), key=len)
    return failures


def _aligned(found: Network, trained: Network) -> Network:
    """Return a network with its layers in the order of the trained ones.

    Files have the layers of a committee in any order that computes the same. A layer whose kernel
    is none of the trained ones is taken for the first that is missing.
    """
    if trained.members == 1 or len(found.layers) != len(trained.layers):
        return found
    waiting = list(found.layers)
    kernels = [k for chain in trained.chains for k in _permitted_kernels(chain, trained.factor)]
    ordered: dict[int, Dense] = {}
    for number, permitted in enumerate(kernels):
        same = [n for n, layer in enumerate(waiting) if _is_among(layer.kernel, permitted)]
        if same:
            ordered[number] = waiting.pop(same[0])
    layers = tuple(ordered.get(n) or waiting.pop(0) for n in range(len(trained.layers)))
    return replace(found, layers=layers, members=trained.members)


def _divided(found: Network, trained: Network) -> Network:
    """Return a network with the last layer of each member divided by the factor, a power of two."""
    factor, layers = np.float32(trained.factor), list[Dense]()
    for *hidden, last in found.chains:
        bias = None if last.bias is None else last.bias / factor
        layers += [*hidden, replace(last, kernel=last.kernel / factor, bias=bias)]
    return replace(found, layers=tuple(layers))


def _differences(found: Network, trained: Network) -> Iterator[str]:
    if len(found.layers) != len(trained.layers):
        yield (f"the number of dense layers must be {len(trained.layers)}; got {len(found.layers)}")
        return
    if found.scale is not None and found.scale != trained.scale:
        yield f"the input scale must be {trained.scale:.9g}; got {found.scale:.9g}"
    if trained.shifts is not None and found.shifts is not None:
        yield from _moved_pixels(found.shifts, trained.shifts)
    for pair in zip(found.chains, trained.chains, strict=True):
        yield from _in_chain(*pair)


def _in_chain(found: Chain, trained: Chain) -> Iterator[str]:
    moved = _biases_are_moved(found, trained)
    kernels = _permitted_kernels(trained)
    for got, layer, permitted in zip(found, trained, kernels, strict=True):
        yield from _difference(f"the kernel of {layer.name}", got.kernel, permitted)
        biases = [_bias(layer)]
        if layer.activation in _ADDED:
            biases.append(_bias(layer) + _ADDED[layer.activation])
        left_out = got.bias is None and not _bias(layer).any()  # -0 too
        if not moved and not left_out:
            yield from _difference(f"the bias of {layer.name}", _bias(got), biases)


def _permitted_kernels(chain: Chain, factor: float = 1.0) -> list[list[Weights]]:
    """Return the kernels that each layer may have, the trained one first."""
    befores = ["", *(layer.activation for layer in chain)]
    found = [
        [layer.kernel, layer.kernel * _MULTIPLIED[before]]
        if before in _MULTIPLIED
        else [layer.kernel]
        for before, layer in zip(befores, chain, strict=False)
    ]
    if factor != 1:
        found[-1] += [kernel * np.float32(factor) for kernel in found[-1]]
    return found


def _moved_pixels(got: Indices, trained: Indices) -> Iterator[str]:
    name = "the places of the pixels of the shifted images"
    if got.shape != trained.shape:
        yield f"{name} must be {trained.shape}; got {got.shape}"
    elif (differ := got != trained).any():
        copy, pixel = (int(index) for index in np.argwhere(differ)[0])
        yield (
            f"{name} differ at {int(differ.sum()):,} of {got.size:,} places, first at pixel "
            f"{pixel} of image {copy}: got {got[copy, pixel]} instead of {trained[copy, pixel]}"
        )


def _bias(layer: Dense) -> Weights:
    """Return the bias; converters leave it out where it is 0."""
    return np.zeros(layer.kernel.shape[1], np.float32) if layer.bias is None else layer.bias


def _difference(name: str, got: Weights, permitted: list[Weights]) -> Iterator[str]:
    trained = permitted[0]
    if got.dtype != np.float32 or got.shape != trained.shape:
        yield (f"{name} must be float32 {trained.shape}; got {got.dtype} {got.shape} in the file")
        return
    if _is_among(got, permitted):
        return
    differ = _bits(got) != _bits(trained)
    place = tuple(int(index) for index in np.argwhere(differ)[0])
    yield (
        f"{name} differs at {int(differ.sum()):,} of {got.size:,} places, first at {list(place)}: "
        f"got {got[place]:.9g} instead of {trained[place]:.9g}"
    )


def _is_among(got: Weights, permitted: list[Weights]) -> bool:
    same = [
        values for values in permitted if (got.dtype, got.shape) == (values.dtype, values.shape)
    ]
    return any(np.array_equal(_bits(got), _bits(values)) for values in same)


def _bits(values: Weights) -> npt.NDArray[np.uint32]:
    return np.ascontiguousarray(values).view(np.uint32)


def _biases_are_moved(found: Chain, trained: Chain) -> bool:
    """Return whether linear layers have other biases with the same effect, within rounding."""
    if not any(layer.activation == "linear" for layer in trained[:-1]):
        return False
    pairs = list(zip(found, trained, strict=True))
    if any(a.kernel.shape != b.kernel.shape for a, b in pairs):
        return False
    effect, expected, error = np.zeros(0), np.zeros(0), np.zeros(0)
    for got, layer in pairs:
        kernel = layer.kernel.astype(np.float64)
        start = np.zeros((3, len(kernel))) if not len(effect) else [effect, expected, error]
        effect = start[0] @ kernel + _bias(got)
        expected = start[1] @ kernel + _bias(layer)
        error = start[2] @ np.abs(kernel) + np.abs(_bias(layer)) + np.abs(_bias(got))
    terms = sum(len(layer.kernel) + 1 for layer in trained)
    return bool(np.all(np.abs(effect - expected) <= terms * UNIT_ROUNDOFF * error))
