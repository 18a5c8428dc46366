"""Images changed by the fast gradient sign method, and training on them, against the formulas."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest

from pipeline.artifacts.data_set import Split
from pipeline.config.training_schema import Optimizer
from pipeline.models.fast_gradient_sign import FastGradientSign
from pipeline.models.optimizers import build_optimizer
from pipeline.tasks.registry import task_named
from pipeline.training.compiled_program import EpochState, Program
from pipeline.training.feed import InMemoryFeed
from pipeline.training.loop import Loop
from tests.support.small_training import MULTICLASS, new_model, silent, weights

pytestmark = pytest.mark.tensorflow

Array = npt.NDArray[Any]
EPSILON = 0.08


def softmax(z: Array) -> Array:
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def attacked_by_hand(kernel: Array, bias: Array, x: Array, labels: Array) -> Array:
    """Of a softmax classifier: the gradient of the cross-entropy by x is W (p - y)."""
    p = softmax(x @ kernel + bias)
    return np.clip(x + EPSILON * np.sign((p - np.eye(10)[labels]) @ kernel.T), 0, 1)


def started(model: keras.Model, digits: Split) -> Loop:
    optimizer = build_optimizer(Optimizer(name="sgd", learning_rate=0.1), total_steps=10)
    optimizer.build(model.trainable_variables)
    program = Program(model, optimizer, task=MULTICLASS, batch_size=500, adversarial=EPSILON)
    return Loop(program, InMemoryFeed(digits, batch_size=500, seed=0))


def test_images_of_a_softmax_classifier_move_as_the_formula_says(digits: Split) -> None:
    model = new_model(hidden=())
    changed = FastGradientSign(model, MULTICLASS.loss())(
        digits.images, digits.labels, EPSILON, training=False
    )
    x = digits.images.reshape(-1, 784) / 255
    kernel, bias = model.get_weights()
    expected = attacked_by_hand(kernel, bias, x, digits.labels)
    difference = np.abs(np.asarray(changed).reshape(-1, 784) - expected)
    assert np.mean(difference > 1e-6) < 1e-4  # a gradient close to 0 may have either sign


@pytest.mark.parametrize("task", ["multiclass", "binary", "regression"])
def test_loss_of_every_task_rises(digits: Split, task: str) -> None:
    chosen = task_named(task)
    labels = {"multiclass": digits.labels, "binary": digits.labels % 2}.get(task)
    labels = digits.labels.astype(np.float32) if labels is None else labels
    model = new_model(task=chosen)
    method = FastGradientSign(model, chosen.loss())
    before = float(chosen.loss()(labels, method.logits(method.scale(digits.images))))
    changed = method(digits.images, labels, 0.01, training=False)
    assert float(chosen.loss()(labels, method.logits(changed))) > before


def test_step_is_taken_on_the_changed_images(digits: Split) -> None:
    model = new_model(hidden=())
    kernel, bias = model.get_weights()
    loop = started(model, digits)
    loop.program.compile_for(next(loop.feed.shards(0, 0)), None)
    loop.program.run(next(loop.feed.shards(0, 0)), EpochState(), 1)
    x = attacked_by_hand(kernel, bias, digits.images.reshape(-1, 784) / 255, digits.labels)
    error = (softmax(x @ kernel + bias) - np.eye(10)[digits.labels]) / len(x)
    expected = kernel - 0.1 * x.T @ error, bias - 0.1 * error.sum(axis=0)
    for got, wanted, old in zip(weights(loop), expected, (kernel, bias), strict=True):
        assert np.abs(got - old).max() > 1e-3
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)


def test_training_makes_the_network_robust(digits: Split) -> None:
    accuracy = {}
    for name, epsilon in (("plain", None), ("adversarial", EPSILON)):
        model = new_model(hidden=(64,))
        optimizer = build_optimizer(Optimizer(name="adam", learning_rate=0.003), total_steps=100)
        optimizer.build(model.trainable_variables)
        program = Program(model, optimizer, task=MULTICLASS, batch_size=100, adversarial=epsilon)
        loop = Loop(program, InMemoryFeed(digits, batch_size=100, seed=0))
        for epoch in range(40):
            loop.run_epoch(epoch, silent)
        method = FastGradientSign(model, MULTICLASS.loss())
        changed = method(digits.images, digits.labels, EPSILON, training=False)
        answers = np.asarray(method.logits(changed)).argmax(axis=1)
        accuracy[name] = float(np.mean(answers == digits.labels))
    assert accuracy["adversarial"] > accuracy["plain"] + 0.2
