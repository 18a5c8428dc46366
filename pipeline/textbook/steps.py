"""The steps of a forward and a backward pass: shapes, operations, and the values in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import prod

from pipeline.textbook.output_formulas import OutputFormulas


@dataclass(frozen=True)
class Step:
    """A computation over a mini-batch.

    ``flops`` counts a multiplication and an addition as two, and a function of one number, such as
    exp or an activation, as one. ``freed`` names the tensors that no later step needs, and
    ``alive`` is the number of values kept after them, weights not included.
    """

    phase: str
    result: str
    formula: str
    shape: tuple[int, ...]
    flops: int
    freed: tuple[str, ...]
    alive: int


@dataclass
class _Pass:
    """The steps so far, and the sizes of the tensors that a later step needs."""

    phase: str = "forward"
    alive: dict[str, int] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    def add(
        self,
        result: str,
        formula: str,
        shape: tuple[int, ...],
        flops: int,
        freed: Sequence[str] = (),
    ) -> None:
        self.alive[result] = prod(shape)
        for name in freed:
            del self.alive[name]
        alive = sum(self.alive.values())
        self.steps.append(Step(self.phase, result, formula, shape, flops, tuple(freed), alive))


@dataclass(frozen=True)
class Description:
    """A network: the units of the input and of each layer, the functions, and the penalty.

    ``dropout`` is the rate after each hidden layer, ``l2`` the factor of the penalty.
    """

    widths: Sequence[int]
    activation: str
    output: OutputFormulas
    dropout: float = 0.0
    l2: float = 0.0

    @property
    def num_layers(self) -> int:
        """The number of dense layers, the output included."""
        return len(self.widths) - 1


def steps(network: Description, batch: int) -> list[Step]:
    """Return the steps of one mini-batch."""
    made, inputs = _Pass(), network.widths[0]
    made.add("x0", "image / 255", (batch, inputs), batch * inputs)
    for k in range(network.num_layers):
        _forward(made, network, k, batch)
    _loss(made, network, batch)
    made.phase = "backward"
    _output(made, network, batch)
    for k in reversed(range(network.num_layers)):
        _backward(made, network, k, batch)
    return made.steps


def _forward(made: _Pass, network: Description, k: int, batch: int) -> None:
    inputs, units = network.widths[k : k + 2]
    n, shape, numbers = k + 1, (batch, units), batch * units
    made.add(f"z{n}", f"x{k} W{k} + b{k}", shape, 2 * batch * inputs * units + numbers)
    if n == network.num_layers:
        made.add("f", network.output.value(f"z{n}"), shape, numbers)
    elif network.dropout:
        rate, kept = network.dropout, 1 - network.dropout
        made.add(f"m{n}", f"0 with probability {rate:g}, else 1 / {kept:g}", shape, numbers)
        made.add(f"x{n}", f"m{n} {network.activation}(z{n})", shape, 2 * numbers)
    else:
        made.add(f"x{n}", f"{network.activation}(z{n})", shape, numbers)


def _loss(made: _Pass, network: Description, batch: int) -> None:
    formula, flops = f"mean of {network.output.loss}", batch * (network.output.loss_flops + 1)
    if network.l2:
        formula += f" + {network.l2:g} sum of W^2"
        flops += 2 * sum(inputs * units for inputs, units in pairwise(network.widths))
    made.add("L", formula, (1,), flops)


def _output(made: _Pass, network: Description, batch: int) -> None:
    n, units = network.num_layers, network.widths[-1]
    formula = f"{network.output.derivative(f'z{n}')} / n"
    flops = batch * units * (network.output.derivative_flops + 1)
    made.add(f"dz{n}", formula, (batch, units), flops, ("f", f"z{n}", "L"))


def _backward(made: _Pass, network: Description, k: int, batch: int) -> None:
    inputs, units = network.widths[k : k + 2]
    dz, product = f"dz{k + 1}", 2 * batch * inputs * units
    formula, flops = f"x{k}^T {dz}", product
    if network.l2:
        formula += f" + {2 * network.l2:g} W{k}"
        flops += 2 * inputs * units
    made.add(f"dW{k}", formula, (inputs, units), flops, (f"x{k}",))
    made.add(f"db{k}", f"sum of {dz}", (units,), batch * units, () if k else (dz,))
    if k == 0:
        return
    made.add(f"dx{k}", f"{dz} W{k}^T", (batch, inputs), product, (dz,))
    formula, factors, freed = f"{network.activation}'(z{k})", 2, [f"dx{k}", f"z{k}"]
    if network.dropout:
        formula, factors = f"m{k} {formula}", 3
        freed.append(f"m{k}")
    made.add(f"dz{k}", f"dx{k} {formula}", (batch, inputs), factors * batch * inputs, freed)
