"""The steps of a forward and a backward pass."""

import itertools
from math import prod

from pipeline.textbook.steps import steps


def test_steps_of_a_small_network() -> None:
    found = steps([784, 128, 10], batch=32)
    assert [step.result for step in found] == [
        "x0", "z1", "x1", "z2", "f",
        "dz2", "dW1", "db1", "dx1", "dz1", "dW0", "db0",
    ]  # fmt: skip
    assert found[1].flops == 2 * 32 * 784 * 128 + 32 * 128
    assert found[1].shape == (32, 128)
    assert found[5].freed == ("f", "z2")


def test_only_the_gradients_remain() -> None:
    widths = [784, 512, 256, 10]
    last = steps(widths, batch=64)[-1]
    parameters = sum(a * b + b for a, b in itertools.pairwise(widths))
    assert last.alive == parameters
    assert last.freed == ("dz1",)


def test_every_freed_tensor_was_computed_and_is_freed_once() -> None:
    found = steps([20, 10, 10, 5], batch=2)
    freed = [name for step in found for name in step.freed]
    assert sorted(freed) == sorted({*freed})
    assert {*freed} <= {step.result for step in found}
    alive = 0
    sizes = {step.result: prod(step.shape) for step in found}
    for step in found:
        alive += sizes[step.result] - sum(sizes[name] for name in step.freed)
        assert step.alive == alive
