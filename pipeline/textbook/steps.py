"""The steps of a forward and a backward pass: shapes, operations, and the values in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod


@dataclass(frozen=True)
class Step:
    """A computation over a mini-batch.

    ``flops`` counts a multiplication and an addition as two; ``freed`` names the tensors that no
    later step needs, and ``alive`` the number of values kept after them, weights not included.
    """

    result: str
    formula: str
    shape: tuple[int, ...]
    flops: int
    freed: tuple[str, ...]
    alive: int


@dataclass
class _Memory:
    alive: dict[str, int] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    def add(
        self, result: str, formula: str, shape: tuple[int, ...], flops: int, *freed: str
    ) -> None:
        self.alive[result] = prod(shape)
        for name in freed:
            del self.alive[name]
        alive = sum(self.alive.values())
        self.steps.append(Step(result, formula, shape, flops, freed, alive))


def steps(widths: Sequence[int], batch: int) -> list[Step]:
    """Return the steps of one mini-batch; ``widths`` are those of the input and of each layer."""
    memory, last = _Memory(), len(widths) - 1
    memory.add("x0", "image / 255", (batch, widths[0]), batch * widths[0])
    for k in range(last):
        _forward(memory, k, widths[k], widths[k + 1], batch, is_output=k == last - 1)
    for k in reversed(range(last)):
        _backward(memory, k, widths[k], widths[k + 1], batch)
    return memory.steps


def _forward(
    memory: _Memory, k: int, inputs: int, units: int, batch: int, *, is_output: bool
) -> None:
    z, flops = f"z{k + 1}", 2 * batch * inputs * units + batch * units
    memory.add(z, f"x{k} W{k} + b{k}", (batch, units), flops)
    if is_output:
        memory.add("f", f"output({z})", (batch, units), batch * units)
    else:
        memory.add(f"x{k + 1}", f"activation({z})", (batch, units), batch * units)


def _backward(memory: _Memory, k: int, inputs: int, units: int, batch: int) -> None:
    z, dz = f"z{k + 1}", f"dz{k + 1}"
    if "f" in memory.alive:
        memory.add(dz, "dLoss/dz / n", (batch, units), 2 * batch * units, "f", z)
    memory.add(f"dW{k}", f"x{k}^T {dz}", (inputs, units), 2 * batch * inputs * units, f"x{k}")
    if k == 0:
        memory.add("db0", f"sum of {dz}", (units,), batch * units, dz)
        return
    memory.add(f"db{k}", f"sum of {dz}", (units,), batch * units)
    memory.add(f"dx{k}", f"{dz} W{k}^T", (batch, inputs), 2 * batch * inputs * units, dz)
    formula = f"dx{k} * activation'(z{k})"
    memory.add(f"dz{k}", formula, (batch, inputs), batch * inputs, f"dx{k}", f"z{k}")
