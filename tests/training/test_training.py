"""The compiled program, compared with manual arithmetic and with Keras' training step."""

from typing import Any

import keras
import numpy as np
import pytest

from pipeline.artifacts.data_set import Split
from pipeline.config.training_schema import EarlyStopping, Optimizer, Schedule
from pipeline.errors import TrainingDiverged
from pipeline.models.dense import logits_model
from pipeline.models.optimizers import build_optimizer, optimizer_classes
from pipeline.models.schedules import schedule_classes
from pipeline.training import loop as loop_module
from pipeline.training.callbacks import early_stopping
from pipeline.training.compiled_program import EpochState
from pipeline.training.loop import Loop
from pipeline.training.network_program import Result
from tests.support.small_training import (
    epoch_order,
    new_fit,
    new_loop,
    new_model,
    silent,
    weights,
)

pytestmark = pytest.mark.tensorflow


def test_full_gradient_step_matches_manual_arithmetic(digits: Split) -> None:
    """W <- W - a (1/n) sum dLoss/dW of the softmax classifier, in float64."""
    loop = new_loop(digits, batch_size=500, hidden=())
    kernel, bias = (w.astype(np.float64) for w in weights(loop))
    x = digits.images.reshape(500, 784) / 255
    z = x @ kernel + bias
    f = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    y = np.eye(10)[digits.labels]
    loss = -np.mean(np.log(f[np.arange(500), digits.labels]))
    result = loop.run_epoch(0, silent)
    expected = [kernel - 0.1 * x.T @ (f - y) / 500, bias - 0.1 * (f - y).mean(axis=0)]
    assert result.loss == pytest.approx(loss, rel=1e-5)
    assert result.metrics["accuracy"] == np.mean(f.argmax(axis=1) == digits.labels)
    for got, wanted in zip(weights(loop), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-6)


OPTIONS: list[dict[str, object]] = [
    {"name": "sgd", "momentum": 0.9},
    {"name": "sgd", "momentum": 0.9, "nesterov": True},
    {"name": "adam", "amsgrad": True},
    {"name": "sgd", "loss_scale_factor": 1024.0},
    {"name": "sgd", "global_clipnorm": 0.1},
    {"name": "adamw", "weight_decay": 0.1},
    {"name": "sgd", "gradient_accumulation_steps": 2},
]


# Of the module, so that the tests of an optimizer follow each other and share its program.
@pytest.fixture(
    scope="module", params=[*({"name": name} for name in sorted(optimizer_classes())), *OPTIONS],
    ids=str,
)  # fmt: skip
def optimizer(request: pytest.FixtureRequest) -> Optimizer:
    return Optimizer(learning_rate=0.01, **request.param)


def test_optimizers_match_train_on_batch(digits: Split, optimizer: Optimizer) -> None:
    """Three batches, the last one smaller, in the loop and with ``train_on_batch``."""
    loop = new_loop(digits, batch_size=200, optimizer=optimizer)
    order = epoch_order(loop)
    model = logits_model(new_model())
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    built = build_optimizer(optimizer, total_steps=100)
    built.build(model.trainable_variables)  # ScheduleFreeAdamW must be built outside a graph
    model.compile(built, loss, jit_compile=False)
    for first in (0, 200, 400):
        batch = order[first : first + 200]
        model.train_on_batch(digits.images[batch], digits.labels[batch])
    before = weights(loop)
    loop.run_epoch(0, silent)
    for got, wanted, start in zip(weights(loop), model.get_weights(), before, strict=True):
        assert not np.array_equal(got, start)
        np.testing.assert_allclose(got, wanted, rtol=0, atol=2e-5)


def test_every_optimizer_is_deterministic(digits: Split, optimizer: Optimizer) -> None:
    """Including all of its state; the last batch of the epoch is smaller.

    The batches are large because of Adafactor: Keras' own training step divides by zero if a pixel
    is black in all images of a batch.
    """
    found = []
    for _ in range(2):
        loop = new_loop(digits, batch_size=200, optimizer=optimizer)
        start = weights(loop)
        loop.run_epoch(0, silent)
        assert not np.array_equal(weights(loop)[0], start[0])
        found.append([variable.numpy() for variable in loop.program.variables])
    assert all(map(np.array_equal, *found))


@pytest.mark.parametrize("name", ["cosine", "exponential", "inverse_time"])
def test_schedules_change_the_learning_rate(name: str) -> None:
    extra: dict[str, Any] = {}
    if name in {"exponential", "inverse_time"}:
        extra["decay_rate"] = 0.5
    schedule = Schedule(name=name, **extra)
    optimizer = build_optimizer(
        Optimizer(name="sgd", learning_rate=0.4, schedule=schedule), total_steps=10
    )
    rate = optimizer._learning_rate
    assert rate.__class__.__name__ == schedule_classes()[name].__name__
    assert float(rate(0)) == pytest.approx(0.4)
    assert float(rate(10)) < 0.4


@pytest.mark.parametrize(("batch_size", "steps"), [(1, 500), (7, 72), (128, 4), (499, 2), (500, 1)])
def test_epoch_trains_on_every_image_once(digits: Split, batch_size: int, steps: int) -> None:
    loop = new_loop(digits, batch_size=batch_size)
    seen: list[int] = []
    loop.run_epoch(0, lambda state: seen.append(state.step))
    assert loop.feed.num_steps == steps == seen[-1]
    assert int(loop.program.optimizer.iterations.numpy()) == steps
    assert sorted(epoch_order(loop)) == list(range(500))


def test_smaller_last_batch_changes_the_weights(digits: Split) -> None:
    """501 images in batches of 500: the second step has one image."""
    images = np.concatenate([digits.images, digits.images[:1]])
    more = Split(images, np.concatenate([digits.labels, digits.labels[:1]]))
    loop = new_loop(more, batch_size=500)
    after = []
    loop.run_epoch(0, lambda _: after.append(weights(loop)))
    assert len(after) == 2
    assert not np.array_equal(after[0][0], after[1][0])


@pytest.mark.parametrize(
    ("batch_size", "dropout", "compiled_again"),
    [(1, 0.0, False), (32, 0.5, False), (128, 0.2, True), (500, 0.0, False)],
)
def test_same_seed_gives_the_same_bits(
    digits: Split, batch_size: int, dropout: float, compiled_again: bool
) -> None:
    found = []
    for seed, fresh in ((3, False), (3, compiled_again), (4, False)):
        loop = new_loop(digits, batch_size=batch_size, seed=seed, dropout=dropout, fresh=fresh)
        for epoch in range(2):
            loop.run_epoch(epoch, silent)
        found.append(weights(loop))
    assert all(map(np.array_equal, found[0], found[1]))
    assert not np.array_equal(found[0][0], found[2][0])


def test_chunks_do_not_change_the_weights(digits: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for seconds in (0.0, 100.0):
        monkeypatch.setattr(loop_module, "CHUNK_SECONDS", seconds)
        loop = new_loop(digits, batch_size=16, dropout=0.3)
        loop.run_epoch(0, silent)
        found.append(weights(loop))
    assert all(map(np.array_equal, found[0], found[1]))


def test_epochs_have_different_orders(digits: Split) -> None:
    loop = new_loop(digits, batch_size=32)
    first, second = epoch_order(loop, 0), epoch_order(loop, 1)
    assert sorted(first) == sorted(second) == list(range(500))
    assert not np.array_equal(first, second)


def test_nonfinite_loss_stops_the_training(digits: Split) -> None:
    loop = new_loop(digits, batch_size=100, optimizer=Optimizer(name="sgd", learning_rate=1e30))
    with pytest.raises(TrainingDiverged, match=r"epoch 1, step [2-5] of 5.*learning_rate"):
        loop.run_epoch(0, silent)


def test_divergence_in_the_last_step_is_detected(digits: Split) -> None:
    loop = new_loop(digits, batch_size=500, optimizer=Optimizer(name="sgd", learning_rate=1e38))
    with pytest.raises(TrainingDiverged, match="epoch 1"):
        new_fit(loop, digits, epochs=1).run()


class Scripted:
    """Scripted validation results; records the weights of each epoch."""

    def __init__(self, loop: Loop, losses: list[float]) -> None:
        self.loop, self.losses = loop, iter(losses)
        self.seen: list[list[np.ndarray]] = []

    def __call__(self) -> Result:
        self.seen.append(weights(self.loop))
        return Result(next(self.losses), {"accuracy": 0.5})


@pytest.fixture
def losses() -> list[float]:
    return [0.9, 0.5, 0.6, 0.7, 0.4, 0.3]


def test_early_stopping_restores_the_best_weights(digits: Split, losses: list[float]) -> None:
    loop = new_loop(digits, batch_size=100)
    fit = new_fit(loop, digits, early_stopping(EarlyStopping(patience=2)), epochs=6)
    fit.validate = scripted = Scripted(loop, losses)
    assert [epoch["val_loss"] for epoch in fit.run().history] == losses[:4]
    assert all(map(np.array_equal, weights(loop), scripted.seen[1]))


def test_best_weights_are_restored_without_a_stop(digits: Split, losses: list[float]) -> None:
    loop = new_loop(digits, batch_size=100)
    fit = new_fit(loop, digits, early_stopping(EarlyStopping()), epochs=3)
    fit.validate = scripted = Scripted(loop, losses)
    fit.run()
    assert all(map(np.array_equal, weights(loop), scripted.seen[1]))


def test_evaluation_counts_every_image(digits: Split) -> None:
    loop = new_loop(digits, batch_size=100, l2=0.01)
    logits = np.asarray(logits_model(loop.program.model)(digits.images), np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    log_f = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    penalty = float(sum(loop.program.model.losses))
    result = loop.program.evaluate(digits)
    expected = -log_f[np.arange(500), digits.labels].mean() + penalty
    assert penalty > 0.1
    assert result.loss == pytest.approx(expected, rel=1e-5)
    assert result.metrics["accuracy"] == np.mean(logits.argmax(axis=1) == digits.labels)


def test_averaged_weights_replace_the_weights(digits: Split) -> None:
    config = Optimizer(name="sgd", learning_rate=0.1, use_ema=True, ema_momentum=0.5)
    loop = new_loop(digits, batch_size=100, optimizer=config)
    fit = new_fit(loop, digits, epochs=1)
    fit.validate = scripted = Scripted(loop, [0.1])
    fit.run()
    assert not np.array_equal(weights(loop)[0], scripted.seen[0][0])


def test_schedule_counts_steps_with_gradient_accumulation(digits: Split) -> None:
    """Keras counts steps instead of updates: half of the rate is left after half of the steps."""
    config = Optimizer(
        name="sgd",
        learning_rate=0.1,
        schedule=Schedule(name="cosine"),
        gradient_accumulation_steps=4,
    )
    loop = new_loop(digits, batch_size=10, optimizer=config)  # 50 of 100 steps in new_loop
    loop.run_epoch(0, silent)
    assert float(loop.program.optimizer.learning_rate) == pytest.approx(0.05, rel=1e-5)


def test_chunks_do_not_change_the_sums(digits: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise an interrupted training would have another history."""
    found: list[EpochState] = []
    for seconds in (0.0, 100.0):
        monkeypatch.setattr(loop_module, "CHUNK_SECONDS", seconds)
        states: list[EpochState] = []
        new_loop(digits, batch_size=16, dropout=0.3).run_epoch(0, states.append)
        found.append(states[-1])
    assert found[0] == found[1]
