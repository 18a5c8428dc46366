"""A dense network as numbers: the input scale, and kernel, bias and activation of each layer."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Dense:
    """One layer: ``kernel`` (inputs, units), ``bias`` (units,), and Keras' name of the activation.

    In files, a bias that is 0 everywhere may be missing; the activation is known from Keras only.
    """

    kernel: Weights
    bias: Weights | None
    activation: str = ""
    name: str = ""


@dataclass(frozen=True)
class Network:
    """f(x) = output(factor * (W ... activation(W (scale * x) + b) ...)).

    ``scale`` is None if unknown. ``factor`` of the logits is known from Keras only. ``shifts``
    (copies, pixels) has the place of each pixel of each shifted copy of the image, over which the
    output is averaged; None if the output is that for the image alone, or in a format whose
    constants are not read. A committee has the layers of all its ``members``, one after another;
    their outputs are averaged too.
    """

    scale: np.float32 | None
    layers: tuple[Dense, ...]
    factor: float = 1.0
    shifts: Indices | None = None
    members: int = 1

    @property
    def chains(self) -> tuple[tuple[Dense, ...], ...]:
        """The layers of each member."""
        size = len(self.layers) // self.members
        firsts = range(0, len(self.layers), size)
        return tuple(self.layers[first : first + size] for first in firsts)

    def arrays(self) -> Iterator[tuple[str, Weights | Indices]]:
        """Yield the name and the values of each weight, in order."""
        if self.scale is not None:
            yield "the input scale", np.atleast_1d(self.scale)
        if self.shifts is not None:
            yield "the shifts of the image", self.shifts
        for layer in self.layers:
            yield f"the kernel of {layer.name}", layer.kernel
            if layer.bias is not None:
                yield f"the bias of {layer.name}", layer.bias
