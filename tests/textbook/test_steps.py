"""The steps of a forward and a backward pass."""

import itertools
from math import prod

import pytest

from pipeline.textbook.losses import OUTPUT_LOSSES
from pipeline.textbook.output_formulas import OUTPUT_FORMULAS
from pipeline.textbook.steps import Description, Step, steps

SOFTMAX = OUTPUT_FORMULAS["softmax", "cross_entropy"]


def by_name(found: list[Step]) -> dict[str, Step]:
    return {step.result: step for step in found}


def test_steps_of_a_small_network() -> None:
    found = steps(Description([784, 128, 10], "relu", SOFTMAX), batch=32)
    assert [step.result for step in found] == [
        "x0", "z1", "x1", "z2", "f", "L",
        "dz2", "dW1", "db1", "dx1", "dz1", "dW0", "db0",
    ]  # fmt: skip
    assert [step.phase for step in found] == ["forward"] * 6 + ["backward"] * 7
    assert found[1].flops == 2 * 32 * 784 * 128 + 32 * 128
    assert found[1].shape == (32, 128)
    assert found[2].formula == "relu(z1)"
    assert found[4].formula == "softmax(z2)"
    assert (found[6].formula, found[6].flops) == ("(f - onehot y) / n", 2 * 32 * 10)
    assert found[6].freed == ("f", "z2", "L")
    assert found[10].formula == "dx1 relu'(z1)"


@pytest.mark.parametrize(
    ("output", "value", "loss", "derivative", "flops"),
    [
        (("sigmoid", "cross_entropy"), "sigmoid(z2)", "-y log f - (1 - y) log(1 - f)",
         "(f - y) / n", 2),
        (("tanh", "cross_entropy"), "(1 + tanh z2) / 2", "-y log f - (1 - y) log(1 - f)",
         "2 (f - y) / n", 3),
        (("linear", "squared"), "z2", "(f - y)^2 / 2", "(f - y) / n", 2),
        (("linear", "absolute"), "z2", "|f - y|", "sign(f - y) / n", 3),
        (("relu", "squared"), "max(0, z2)", "(f - y)^2 / 2", "[z2 > 0] (f - y) / n", 4),
        (("relu", "absolute"), "max(0, z2)", "|f - y|", "[z2 > 0] sign(f - y) / n", 5),
    ],
    ids=str,
)  # fmt: skip
def test_formulas_of_one_output(
    output: tuple[str, str], value: str, loss: str, derivative: str, flops: int
) -> None:
    found = by_name(steps(Description([20, 8, 1], "relu", OUTPUT_FORMULAS[output]), batch=5))
    assert (found["f"].formula, found["f"].shape, found["f"].flops) == (value, (5, 1), 5)
    assert (found["L"].formula, found["L"].shape) == (f"mean of {loss}", (1,))
    assert (found["dz2"].formula, found["dz2"].flops) == (derivative, 5 * flops)
    assert found["z2"].flops == 2 * 5 * 8 + 5


def test_every_output_with_its_loss_has_formulas() -> None:
    assert set(OUTPUT_FORMULAS) == set(OUTPUT_LOSSES)


def test_masks_of_dropout_are_kept_until_the_backward_pass() -> None:
    found = by_name(steps(Description([20, 8, 6, 3], "relu", SOFTMAX, dropout=0.2), batch=5))
    assert found["m2"].formula == "0 with probability 0.2, else 1 / 0.8"
    assert found["x2"].formula == "m2 relu(z2)"
    assert (found["dz2"].formula, found["dz2"].flops) == ("dx2 m2 relu'(z2)", 3 * 5 * 6)
    assert found["dz2"].freed == ("dx2", "z2", "m2")


def test_penalty_is_part_of_the_loss_and_of_each_gradient() -> None:
    plain, found = (
        by_name(steps(Description([20, 8, 3], "relu", SOFTMAX, l2=l2), batch=5)) for l2 in (0, 0.01)
    )
    assert found["L"].formula == "mean of -log f_y + 0.01 sum of W^2"
    assert found["L"].flops - plain["L"].flops == 2 * (20 * 8 + 8 * 3)
    assert found["dW0"].formula == "x0^T dz1 + 0.02 W0"
    assert found["dW0"].flops - plain["dW0"].flops == 2 * 20 * 8


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_only_the_gradients_remain(dropout: float) -> None:
    widths = [784, 512, 256, 10]
    last = steps(Description(widths, "relu", SOFTMAX, dropout), batch=64)[-1]
    parameters = sum(a * b + b for a, b in itertools.pairwise(widths))
    assert last.alive == parameters
    assert last.freed == ("dz1",)


def test_every_freed_tensor_was_computed_and_is_freed_once() -> None:
    found = steps(Description([20, 10, 10, 5], "relu", SOFTMAX), batch=2)
    freed = [name for step in found for name in step.freed]
    assert sorted(freed) == sorted({*freed})
    assert {*freed} <= {step.result for step in found}
    alive = 0
    sizes = {step.result: prod(step.shape) for step in found}
    for step in found:
        alive += sizes[step.result] - sum(sizes[name] for name in step.freed)
        assert step.alive == alive
