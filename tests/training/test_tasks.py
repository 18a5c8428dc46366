"""Training for two classes and for numbers: steps by hand, metrics, and outputs that die."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.artifacts.data_set import Split
from pipeline.config.key_errors import InvalidValue
from pipeline.config.training_schema import EarlyStopping, Optimizer
from pipeline.errors import TrainingStalled
from pipeline.tasks.registry import task_named
from pipeline.training.callbacks import early_stopping
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.fit import Fit
from tests.support.command_line import assert_error, in_process
from tests.support.small_training import loop_of, new_fit, new_loop, silent, weights

pytestmark = pytest.mark.tensorflow

Array = np.ndarray


def sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


# Task, output and loss; f(z); loss and its derivative by z, with labels y.
STEPS: list[tuple[tuple[str, str, str], Callable[[Array], Array], Any, Any]] = [
    (("binary", "sigmoid", "cross_entropy"), sigmoid,
     lambda z, y: -y * np.log(sigmoid(z)) - (1 - y) * np.log(1 - sigmoid(z)),
     lambda z, y: sigmoid(z) - y),
    (("binary", "tanh", "cross_entropy"), lambda z: (1 + np.tanh(z)) / 2,
     lambda z, y: -y * np.log((1 + np.tanh(z)) / 2) - (1 - y) * np.log((1 - np.tanh(z)) / 2),
     lambda z, y: 2 * ((1 + np.tanh(z)) / 2 - y)),
    (("regression", "linear", "squared"), lambda z: z, lambda z, y: (z - y) ** 2 / 2,
     lambda z, y: z - y),
    (("regression", "linear", "absolute"), lambda z: z, lambda z, y: np.abs(z - y),
     lambda z, y: np.sign(z - y)),
    (("regression", "relu", "squared"), lambda z: np.maximum(z, 0),
     lambda z, y: (np.maximum(z, 0) - y) ** 2 / 2,
     lambda z, y: (np.maximum(z, 0) - y) * (z > 0)),
    (("regression", "relu", "absolute"), lambda z: np.maximum(z, 0),
     lambda z, y: np.abs(np.maximum(z, 0) - y),
     lambda z, y: np.sign(np.maximum(z, 0) - y) * (z > 0)),
]  # fmt: skip


def with_labels(digits: Split, task: str) -> Split:
    odd = digits.labels % 2
    return Split(digits.images, odd if task == "binary" else digits.labels.astype(np.float32))


@pytest.mark.parametrize(("names", "f", "value", "slope"), STEPS)
def test_step_matches_manual_arithmetic(
    digits: Split, names: tuple[str, str, str], f: Any, value: Any, slope: Any
) -> None:
    """W <- W - a (1/n) sum dLoss/dW, in float64, with the metrics before the step."""
    name, output, _ = names
    task, data = task_named(*names), with_labels(digits, name)
    rate = 0.01
    loop = new_loop(data, batch_size=500, hidden=(), task=task,
                    optimizer=Optimizer(name="sgd", learning_rate=rate))  # fmt: skip
    kernel, bias = (w.astype(np.float64) for w in weights(loop))
    x, y = data.images.reshape(500, 784) / 255, data.labels.astype(np.float64)
    z = (x @ kernel + bias)[:, 0]
    result = loop.run_epoch(0, silent)
    assert result.loss == pytest.approx(value(z, y).mean(), rel=1e-5)
    if name == "binary":
        assert result.metrics == {"accuracy": np.mean((f(z) > 0.5) == y)}
    else:
        expected = {"mae": np.abs(f(z) - y).mean()}
        expected |= {"active_outputs": np.mean(z > 0)} if output == "relu" else {}
        assert result.metrics == pytest.approx(expected, rel=1e-5)
    gradient = slope(z, y)[:, None] / 500
    new_kernel, new_bias = weights(loop)
    np.testing.assert_allclose(new_kernel, kernel - rate * x.T @ gradient, rtol=0, atol=1e-6)
    np.testing.assert_allclose(new_bias, bias - rate * gradient.sum(axis=0), rtol=0, atol=1e-6)


def test_program_of_another_loss_is_not_reused(digits: Split) -> None:
    """The networks are equal, and only the losses differ."""
    data = with_labels(digits, "regression")
    squared, absolute = (
        new_loop(data, batch_size=500, task=task_named("regression", "linear", loss))
        .run_epoch(0, silent)
        .loss
        for loss in ("squared", "absolute")
    )
    assert squared > 2 * absolute


RELU = task_named("regression", "relu")
DEADLY = Optimizer(name="sgd", learning_rate=3.0)
DIED = (
    r"Training stopped after epoch 1\. The output is 0 for every validation image: ReLU is 0 for "
    r"z <= 0, .* Try a smaller optimizer\.learning_rate, another train\.seed, or model\.output: "
    r"linear\."
)


def dying_fit(digits: Split, *callbacks: Any, epochs: int = 2) -> Fit:
    """Return a fit whose first steps make every output negative."""
    data = with_labels(digits, "regression")
    loop = new_loop(data, batch_size=100, task=RELU, hidden=(8,), optimizer=DEADLY)
    return new_fit(loop, data, *callbacks, epochs=epochs, task=RELU)


def test_output_that_dies_is_explained(digits: Split) -> None:
    fit = dying_fit(digits)
    with pytest.raises(TrainingStalled, match=DIED):
        fit.run()
    before = weights(loop_of(fit))
    loop_of(fit).run_epoch(1, silent)
    assert all(map(np.array_equal, before, weights(loop_of(fit))))  # the message is true


def test_output_that_died_before_an_interruption_is_explained(
    digits: Split, tmp_path: Path
) -> None:
    fit = dying_fit(digits)
    fit.checkpoint = Checkpoint(tmp_path / "a.npz")
    run = loop_of(fit).program.run

    def interrupting(*arguments: Any, **named: Any) -> Any:
        result = run(*arguments, **named)
        os.kill(os.getpid(), signal.SIGINT)
        return result

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop_of(fit).program, "run", interrupting)
        fit.run()
    again = dying_fit(digits)
    saved = fit.checkpoint.read(len(loop_of(fit).program.variables))
    assert saved is not None
    assert saved.position.state.step > 0
    with pytest.raises(TrainingStalled, match=DIED):
        again.run(saved)


def test_output_that_dies_later_is_explained_unless_the_best_weights_are_restored(
    digits: Split,
) -> None:
    data = with_labels(digits, "regression")

    def fit_that_dies_in_epoch(number: int, *, restores: bool) -> Fit:
        callbacks = [early_stopping(EarlyStopping(patience=1))] if restores else []
        optimizer = Optimizer(name="sgd", learning_rate=1e-3)
        loop = new_loop(data, batch_size=100, task=RELU, hidden=(8,), optimizer=optimizer)
        fit = new_fit(loop, data, *callbacks, epochs=4, task=RELU)
        fit.restores_best = restores
        validate, calls = fit.validate, iter(range(1, 9))

        def kill() -> Any:
            if next(calls) == number:
                bias = loop.program.model.get_layer("logits").bias
                bias.assign(np.full(1, -1e6, np.float32))
            assert validate is not None
            return validate()

        fit.validate = kill
        return fit

    with pytest.raises(TrainingStalled, match="Training stopped after epoch 2"):
        fit_that_dies_in_epoch(2, restores=False).run()
    with pytest.raises(TrainingStalled, match="Training stopped after epoch 1"):
        fit_that_dies_in_epoch(1, restores=True).run()
    fit = fit_that_dies_in_epoch(2, restores=True)
    history = fit.run().history
    assert [epoch["val_active_outputs"] > 0 for epoch in history] == [True, False]
    assert loop_of(fit).program.evaluate(data).metrics["active_outputs"] > 0


def test_command_fails_with_an_explanation(tmp_path: Path) -> None:
    (tmp_path / "dying.yaml").write_text(
        "name: dying\ntask: regression\ndata: {target: value}\n"
        "model: {hidden: [8], output: relu}\noptimizer: {name: sgd, learning_rate: 3}\n"
        "train: {epochs: 3, batch_size: 64}\n"
    )
    done = in_process("run", tmp_path / "dying.yaml", "-C", tmp_path)
    assert_error(
        done, 1, "Training stopped after epoch 1.", "Try a smaller optimizer.learning_rate"
    )
    assert not list((tmp_path / "runs").glob("train/*/model.keras"))


def test_negative_targets_need_another_output() -> None:
    labels = np.array([0, 3, -2.5], np.float32)
    text = (
        r"The output relu is never negative, so it cannot learn negative targets; the smallest is "
        r"-2\.5 \(model\.output\)\. Write model\.output: linear\."
    )
    with pytest.raises(InvalidValue, match=text):
        RELU.check_labels(labels)
    task_named("regression").check_labels(labels)
