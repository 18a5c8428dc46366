"""The weights of the network, and its units that do nothing."""

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.report import Units, Weights
from pipeline.reporting.run import ReportedRun
from pipeline.verification.activations.table import ACTIVATIONS
from pipeline.verification.network import Dense, Network

_MAX_BINS = 61
_CHUNK = 2000
_SHOWN_UNITS = 48


def network_measures(
    run: ReportedRun,
) -> tuple[tuple[Weights, ...], tuple[Units, ...], tuple[int, ...]]:
    """Return the weights of each layer, its dead units, and the first layer's largest units."""
    network = run.network
    if network is None:
        return (), (), ()
    weights = tuple(map(_weights, network.layers))
    norms = np.linalg.norm(network.layers[0].kernel, axis=0)
    shown = np.argsort(-norms, kind="stable")[:_SHOWN_UNITS]
    units = _units(network, run.data_set.test.images)
    return weights, units, tuple(map(int, shown))


def _weights(layer: Dense) -> Weights:
    kernel = layer.kernel.astype(np.float64).ravel()
    counts, edges = np.histogram(kernel, min(_MAX_BINS, round(kernel.size**0.5) + 1))
    return Weights(
        layer.name,
        tuple(map(float, edges)),
        tuple(map(int, counts)),
        float(kernel.mean()),
        float(kernel.std()),
    )


def _units(network: Network, images: npt.NDArray[np.uint8]) -> tuple[Units, ...]:
    found = (_units_of(chain, network.scale, images) for chain in network.chains)
    return tuple(units for member in found for units in member)


def _units_of(
    chain: tuple[Dense, ...], scale: np.float32 | None, images: npt.NDArray[np.uint8]
) -> tuple[Units, ...]:
    hidden = chain[:-1]
    low = [np.full(layer.kernel.shape[1], np.inf) for layer in hidden]
    high = [-values for values in low]
    active = [np.zeros(layer.kernel.shape[1]) for layer in hidden]
    for first in range(0, len(images), _CHUNK):
        chunk = images[first : first + _CHUNK]
        x = chunk.reshape(len(chunk), -1) * np.float32(scale or 1)
        for number, layer in enumerate(hidden):
            z = x @ layer.kernel + (0 if layer.bias is None else layer.bias)
            x = ACTIVATIONS[layer.activation].value(z).astype(np.float32)
            low[number] = np.minimum(low[number], x.min(axis=0))
            high[number] = np.maximum(high[number], x.max(axis=0))
            active[number] += np.count_nonzero(x, axis=0)
    return tuple(
        Units(
            layer.name,
            units=len(low[number]),
            dead=int(np.sum(low[number] == high[number])),
            active=float(active[number].mean() / len(images)),
        )
        for number, layer in enumerate(hidden)
    )
