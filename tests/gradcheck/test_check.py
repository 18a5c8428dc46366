"""The check of gradients: sound networks pass, and each broken piece is found."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.artifacts.data_set import Split
from pipeline.config.schema import Model
from pipeline.gradcheck import check, updates
from pipeline.gradcheck.by_hand import scaled_and_flat, textbook_network
from pipeline.gradcheck.framework import Batch, Framework
from pipeline.gradcheck.report import GradientRow
from pipeline.gradcheck.updates import check_updates
from pipeline.models.dense import build_model, in_float64
from pipeline.tasks.registry import task_named
from pipeline.tasks.task import Task
from pipeline.textbook import backpropagation, update_rules
from pipeline.textbook.activations import ACTIVATIONS, Array
from pipeline.textbook.losses import OUTPUT_LOSSES

pytestmark = pytest.mark.tensorflow

SOFTMAX = OUTPUT_LOSSES["softmax", "cross_entropy"]
MULTICLASS = task_named("multiclass")
TASKS = [
    task_named(name, output, loss)
    for name, output, loss in (
        ("binary", "sigmoid", "cross_entropy"),
        ("binary", "tanh", "cross_entropy"),
        ("regression", "linear", "squared"),
        ("regression", "linear", "absolute"),
        ("regression", "relu", "squared"),
        ("regression", "relu", "absolute"),
    )
]


@pytest.fixture(scope="module")
def batch(digits: Split) -> Batch:
    return Batch(digits.images[:32], digits.labels[:32])


def batch_for(task: Task, batch: Batch) -> Batch:
    """Return the batch with labels of the task: the parity, or the digit as a number."""
    if task.name == "binary":
        return Batch(batch.images, batch.labels % 2)
    values = batch.labels.astype(np.float32)
    return Batch(batch.images, values) if task.name == "regression" else batch


def new_model(config: Model, task: Task) -> keras.Model:
    keras.utils.set_random_seed(0)
    return build_model(config, image_shape=(28, 28, 1), num_classes=10, task=task)


def rows_of(batch: Batch, config: Model, task: Task = MULTICLASS) -> list[GradientRow]:
    output = OUTPUT_LOSSES[task.output_name, task.loss_name]
    found = check.check_gradients(
        new_model(config, task), config, task, batch_for(task, batch), output
    )
    return found[1]


def name_of(value: Task | float) -> str:
    return f"{value.output_name}-{value.loss_name}" if isinstance(value, Task) else str(value)


def failed(rows: list[GradientRow]) -> list[str]:
    return [f"{row.layer} {row.tensor}" for row in rows if not row.passed]


@pytest.mark.parametrize(
    "config",
    [
        Model(hidden=(16, 12), activation="relu", dropout=0.2, l2=1e-3),
        Model(hidden=(16,), activation="leaky_relu", dropout=0.5),
        *(
            Model(hidden=(16,), activation=name)
            for name in sorted(ACTIVATIONS)
            if name not in {"relu", "leaky_relu"}
        ),
        Model(hidden=(), l2=1e-3),
    ],
    ids=str,
)
def test_sound_network_passes_in_all_comparisons(batch: Batch, config: Model) -> None:
    assert_sound(rows_of(batch, config), config)


@pytest.mark.parametrize(
    ("task", "dropout"), list(zip(TASKS, (0, 0.2, 0, 0, 0, 0.2), strict=True)), ids=name_of
)
def test_every_output_and_loss_passes_in_all_comparisons(
    batch: Batch, task: Task, dropout: float
) -> None:
    config = Model(hidden=(16,), dropout=dropout, l2=1e-3)
    rows = rows_of(batch, config, task)
    assert_sound(rows, config)
    assert rows[-1].shape == (1,)
    assert all(row.norm > 0 for row in rows)


def assert_sound(rows: list[GradientRow], config: Model) -> None:
    assert failed(rows) == []
    assert len(rows) == 3 * (len(config.hidden) + 1)
    for row in rows:
        assert row.by_hand is not None
        assert row.float32 is not None
        assert (row.differences is None) == (row.tensor == "dL/dz")


def test_other_activations_are_compared_with_differences_only(batch: Batch) -> None:
    rows = rows_of(batch, Model(hidden=(16,), activation="hard_silu"))
    assert failed(rows) == []
    assert all(row.by_hand is None and row.float32 is None for row in rows)
    assert sum((row.differences.moved or 0) for row in rows if row.differences) > 20


def test_float64_copy_computes_in_float64_throughout(batch: Batch) -> None:
    config = Model(hidden=(4,))
    model = build_model(
        config, image_shape=(28, 28, 1), num_classes=10, task=task_named("multiclass")
    )
    copy = in_float64(model)
    scaled = keras.Model(copy.input, copy.get_layer("scale").output)(batch.images)
    np.testing.assert_allclose(scaled, batch.images.astype(np.float64) / 255, rtol=1e-15)
    assert copy(batch.images).dtype == "float64"


def scaled_by(factor: float) -> Callable[[Array], Array]:
    def derivative(z: Array) -> Array:
        return ACTIVATIONS["relu"].derivative(z) * factor

    return derivative


RELU = ACTIVATIONS["relu"]
MUTATIONS: dict[str, dict[str, Any]] = {
    "a derivative": {"activation": replace(RELU, derivative=scaled_by(1.00001))},
    "the derivative of the other side": {
        "activation": replace(RELU, derivative=lambda z: (z <= 0).astype(np.float64))
    },
    "the function": {"activation": replace(RELU, function=lambda z: np.maximum(z, 1e-3))},
    "the sign of the loss": {
        "output": replace(SOFTMAX, derivative=lambda z, y: -SOFTMAX.derivative(z, y))
    },
    "the classes": {
        "output": replace(SOFTMAX, derivative=lambda z, y: SOFTMAX.derivative(z, 9 - y))
    },
    "the penalty": {"l2": 0.0},
    "half the penalty": {"l2": 0.0005},
}
CONFIG = Model(hidden=(16, 12), dropout=0.2, l2=1e-3)


Exact = tuple[Framework, list[backpropagation.LayerGradients]]


@pytest.fixture(scope="module")
def exact(batch: Batch) -> Exact:
    keras.utils.set_random_seed(0)
    task = task_named("multiclass")
    model = build_model(CONFIG, image_shape=(28, 28, 1), num_classes=10, task=task)
    framework = Framework(in_float64(model), task, "float64")
    return framework, framework.differentiate(batch).gradients


def agrees(
    exact: Exact,
    batch: Batch,
    masks: Callable[[list[Array]], list[Array] | None] = lambda masks: masks,
    scale: float = 1.0,
    **changed: Any,
) -> bool:
    framework, expected = exact
    network = textbook_network(framework.dense, "relu", SOFTMAX, l2=CONFIG.l2)
    assert network is not None
    network = replace(network, **changed)
    drawn = framework.masks(len(batch.labels))
    assert drawn is not None
    used = masks(drawn)
    values = backpropagation.forward(network, scaled_and_flat(batch.images), used)
    found = backpropagation.backward(network, values, batch.labels.astype(np.float64), used)
    return all(
        check._measured(check._part(a, tensor), scale * check._part(b, tensor)).passed
        for a, b in zip(expected, found, strict=True)
        for tensor in "zWb"
    )


def test_unchanged_textbook_agrees(exact: Exact, batch: Batch) -> None:
    assert agrees(exact, batch)


@pytest.mark.parametrize("name", MUTATIONS)
def test_broken_piece_of_the_textbook_is_found(exact: Exact, batch: Batch, name: str) -> None:
    assert not agrees(exact, batch, **MUTATIONS[name])


@pytest.mark.parametrize(
    "masks",
    [lambda _: None, lambda masks: [np.ones_like(m) for m in masks],
     lambda masks: [m * 0.8 for m in masks], lambda masks: [np.roll(m, 1, 0) for m in masks]],
    ids=["no masks", "ones", "not scaled by 1 / (1 - rate)", "masks of other images"],
)  # fmt: skip
def test_wrong_masks_are_found(
    exact: Exact,
    batch: Batch,
    masks: Callable[[list[Array]], list[Array] | None],
) -> None:
    assert not agrees(exact, batch, masks=masks)


def test_sum_in_place_of_the_mean_is_found(exact: Exact, batch: Batch) -> None:
    assert not agrees(exact, batch, scale=32)


def test_wrong_gradient_of_the_framework_is_found(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def wrong(z: Any) -> Any:
        return tf.nn.relu(z), lambda upstream: 1.01 * upstream * tf.cast(z > 0, upstream.dtype)

    def with_wrong_gradient(model: keras.Model) -> keras.Model:
        copy = in_float64(model)
        copy.get_layer("hidden_1").activation = wrong
        return copy

    monkeypatch.setattr(check, "in_float64", with_wrong_gradient)
    rows = rows_of(batch, Model(hidden=(16,)))
    found = [row for row in rows if row.differences and not row.differences.passed]
    assert [row.layer for row in found] == ["hidden_1", "hidden_1"]


def test_update_rules_agree() -> None:
    rows = check_updates()
    assert [row.rule for row in rows if not row.compared.passed] == []
    assert len(rows) == 7


@pytest.mark.parametrize("rule", ["momentum", "nesterov", "adagrad", "rmsprop", "adam"])
def test_broken_update_rule_is_found(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = getattr(update_rules, rule)

    def broken(w: Array, g: Array, state: update_rules.State, **settings: float) -> Any:
        weights, after = sound(w, g, state, **settings)
        return weights, [1.001 * value for value in after]

    cases = [replace(case, rule=_replaced(case.rule, sound, broken)) for case in updates._CASES]
    monkeypatch.setattr(updates, "_CASES", cases)
    assert [row.rule for row in check_updates() if not row.compared.passed] != []


def _replaced(rule: Any, sound: Any, broken: Callable[..., Any]) -> Any:
    return partial(broken, **rule.keywords) if rule.func is sound else rule
