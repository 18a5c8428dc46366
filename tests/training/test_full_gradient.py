"""Conjugate gradient and L-BFGS: the compiled loss and gradient, and SciPy's methods on it."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from scipy.optimize import minimize
from threadpoolctl import threadpool_info

from pipeline.artifacts.data_set import Split
from pipeline.config.training_schema import FULL_GRADIENT_METHODS, EarlyStopping, Optimizer
from pipeline.errors import StorageError, TrainingDiverged, TrainingStalled
from pipeline.models.dense import in_float64, logits_model
from pipeline.models.full_gradient import METHODS
from pipeline.progress import Silent
from pipeline.training.callbacks import early_stopping
from pipeline.training.checkpoint import Checkpoint, Position
from pipeline.training.compiled_program import EpochState
from pipeline.training.fit import Fit
from pipeline.training.full_gradient import evaluation_log, loss
from pipeline.training.full_gradient.loss import Evaluation, FullGradient
from pipeline.training.full_gradient.minimizing import Minimization
from tests.support.small_training import (
    MULTICLASS,
    new_fit,
    new_loop,
    new_minimization,
    new_model,
    weights,
)

pytestmark = pytest.mark.tensorflow

CG, LBFGS = Optimizer(name="conjugate_gradient"), Optimizer(name="l_bfgs")
BOTH = pytest.mark.parametrize("optimizer", [CG, LBFGS], ids=["conjugate_gradient", "l_bfgs"])


class Recorder(Silent):
    def __init__(self) -> None:
        self.notices: list[str] = []

    def notice(self, text: str) -> None:
        self.notices.append(text)


def fit_of(digits: Split, optimizer: Optimizer, *, epochs: int = 6, **settings: Any) -> Fit:
    return new_fit(new_minimization(digits, optimizer, **settings), digits, epochs=epochs)


def test_each_method_has_a_name_and_a_class() -> None:
    assert tuple(METHODS) == FULL_GRADIENT_METHODS


def gradient_of(digits: Split, model: keras.Model) -> tuple[FullGradient, Evaluation]:
    """Compile a new program, and run it."""
    program = FullGradient(model, task=MULTICLASS)
    [shard] = new_loop(digits, batch_size=len(digits)).feed.shards(0, 0)
    assert program.compile_for(shard, "XLA") is None
    return program, program.run(shard, program.weights)


def test_gradient_is_that_of_a_tape_in_float64(digits: Split) -> None:
    import tensorflow as tf

    model = new_model(l2=0.01, hidden=(16, 16))
    _, found = gradient_of(digits, model)
    exact = logits_model(in_float64(model))
    with tf.GradientTape() as tape:
        logits = exact(digits.images)
        data_loss = MULTICLASS.loss("float64")(digits.labels, logits) / len(digits)
        wanted = data_loss + tf.add_n(exact.losses)
    expected = np.concatenate(
        [np.ravel(part) for part in tape.gradient(wanted, exact.trainable_variables)]
    )
    assert found.loss == pytest.approx(float(wanted), rel=1e-7)
    assert found.gradient.dtype == np.float64
    error = np.linalg.norm(found.gradient - expected)
    assert error < 1e-6 * np.linalg.norm(expected)


def test_chunks_change_only_the_rounding(digits: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 500 images in chunks of 200, the last chunk counts 100."""
    program, whole = gradient_of(digits, new_model(l2=0.01))
    monkeypatch.setattr(loss, "CHUNK_IMAGES", 200)
    _, divided = gradient_of(digits, new_model(l2=0.01))
    assert divided.loss == pytest.approx(whole.loss, rel=1e-9)
    scale = float(np.linalg.norm(whole.gradient))
    np.testing.assert_allclose(divided.gradient, whole.gradient, rtol=0, atol=1e-6 * scale)
    assert divided.metric_sums == whole.metric_sums
    evaluated = program.evaluate(digits)
    assert evaluated.loss == pytest.approx(whole.loss, rel=1e-6)
    assert evaluated.metrics == {"accuracy": whole.metric_sums[0] / 500}


def descent(digits: Split, rate: float) -> float:
    """The loss of the softmax classifier after 40 steps with momentum."""
    sgd = Optimizer(name="sgd", learning_rate=rate, momentum=0.9)
    loop = new_loop(digits, batch_size=500, optimizer=sgd, hidden=(), l2=0.001)
    new_fit(loop, digits, epochs=40).run()
    return loop.program.evaluate(digits).loss


@BOTH
def test_reaches_a_lower_loss_than_gradient_descent(digits: Split, optimizer: Optimizer) -> None:
    """On a convex loss, with as many gradients, whatever the rate of gradient descent."""
    limited = Optimizer(name=optimizer.name, max_gradients=40)
    end = fit_of(digits, limited, epochs=100, hidden=(), l2=0.001).run()
    assert end.costs[-1].gradients <= 40
    assert end.costs[-1].images == 500 * end.costs[-1].gradients
    assert end.history[-1]["loss"] < 0.95 * min(descent(digits, rate) for rate in (0.2, 0.5, 1, 2))


@BOTH
def test_iterates_are_those_of_scipy(digits: Split, optimizer: Optimizer) -> None:
    """After each iteration, the model that callbacks see has SciPy's weights, in float32."""
    seen: list[Any] = []

    class Sees(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen.append((epoch, [np.array(w) for w in self.model.get_weights()], dict(logs)))

    trainer = new_minimization(digits, optimizer)
    start, method = trainer.program.weights, METHODS[optimizer.name].scipy_name
    end = new_fit(trainer, digits, Sees(), epochs=5).run()
    final = weights(trainer)
    shard = next(trainer.feed.shards(0, 0))
    iterates: list[Any] = []

    def compute(flat: Any) -> tuple[float, Any]:
        found = trainer.program.run(shard, flat)
        return found.loss, found.gradient

    minimize(
        compute, start, jac=True, method=method, options={"maxiter": 5},
        callback=lambda flat: iterates.append(flat.astype(np.float32)),
    )  # fmt: skip
    assert [epoch for epoch, _, _ in seen] == list(range(5))
    for (_, found, logs), flat in zip(seen, iterates, strict=True):
        assert np.array_equal(np.concatenate([part.ravel() for part in found]), flat)
        trainer.program.model.set_weights(found)
        again = trainer.program.evaluate(digits)
        assert logs["val_loss"] == again.loss
        assert logs["loss"] == pytest.approx(again.loss, rel=1e-6)
        assert logs["accuracy"] == again.metrics["accuracy"]
    assert all(map(np.array_equal, seen[-1][1], final))
    assert len(end.history) == 5
    losses = [logs["loss"] for logs in end.history]
    assert losses == sorted(losses, reverse=True)


def test_blas_uses_one_thread(digits: Split) -> None:
    """With the threads of all cores, the dot products of SciPy would depend on their number."""
    trainer = new_minimization(digits, LBFGS)
    run = trainer.program.run
    threads: set[int] = set()

    def looking(*arguments: Any) -> Evaluation:
        threads.update(p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas")
        return run(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.program, "run", looking)
        new_fit(trainer, digits, epochs=1).run()
    assert threads == {1}


def interrupted(fit: Fit, path: Path, *, cut: int) -> Checkpoint:
    """Run until a signal arrives during gradient ``cut``, counted from 1."""
    fit.checkpoint = Checkpoint(path)
    run, calls = fit.trainer.program.run, iter(range(1, 999))  # type: ignore[attr-defined]

    def interrupting(*arguments: Any) -> Any:
        if next(calls) == cut:
            os.kill(os.getpid(), signal.SIGINT)
        return run(*arguments)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fit.trainer.program, "run", interrupting)
        fit.run()
    return fit.checkpoint


def resumed(fit: Fit, checkpoint: Checkpoint) -> tuple[Position, int]:
    """Return the end of a resumed training, and how many gradients it computed."""
    program = fit.trainer.program
    assert isinstance(program, FullGradient)
    run, computed = program.run, []

    def counting(*arguments: Any) -> Any:
        computed.append(1)
        return run(*arguments)

    saved = checkpoint.read(len(program.variables))
    assert saved is not None
    fit.checkpoint = checkpoint
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "run", counting)
        return fit.run(saved), len(computed)


def keep(_path: Path) -> None:
    pass


def cut_short(path: Path) -> None:
    """As a killed process leaves it."""
    path.write_bytes(path.read_bytes()[:-1000])


def damage(path: Path) -> None:
    """Change a byte of the third gradient."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@BOTH
@pytest.mark.parametrize(
    ("harm", "lost"), [(keep, 0), (cut_short, 1), (damage, 4), (Path.unlink, 7)]
)
def test_interrupted_training_resumes_with_the_same_bits(
    digits: Split, tmp_path: Path, optimizer: Optimizer, harm: Callable[[Path], None], lost: int
) -> None:
    """In an iteration, after 7 gradients; what the log has lost of them is computed again."""
    whole = fit_of(digits, optimizer)
    expected = whole.run()
    expected_weights = weights(whole.trainer)
    checkpoint = Checkpoint(tmp_path / "state.npz")
    log = checkpoint.evaluations
    interrupted(fit_of(digits, optimizer, log=log), tmp_path / "state.npz", cut=7)
    harm(log)
    fit = fit_of(digits, optimizer, log=log)
    end, computed = resumed(fit, checkpoint)
    assert all(map(np.array_equal, weights(fit.trainer), expected_weights))
    assert end.history == expected.history
    counts = [(cost.gradients, cost.images) for cost in end.costs]
    assert counts == [(cost.gradients, cost.images) for cost in expected.costs]
    assert computed == expected.costs[-1].gradients - 7 + lost
    seconds = [cost.seconds for cost in end.costs]
    assert seconds == sorted(set(seconds))
    checkpoint.remove()
    assert list(tmp_path.iterdir()) == []


def test_full_log_is_not_extended(
    digits: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit_of(digits, LBFGS)
    expected = whole.run()
    expected_weights = weights(whole.trainer)
    monkeypatch.setattr(evaluation_log, "MAX_BYTES", 300_000)  # two gradients of 12,730 weights
    checkpoint = Checkpoint(tmp_path / "state.npz")
    log = checkpoint.evaluations
    interrupted(fit_of(digits, LBFGS, log=log), tmp_path / "state.npz", cut=7)
    assert 200_000 < log.stat().st_size < 300_000
    fit = fit_of(digits, LBFGS, log=log)
    end, computed = resumed(fit, checkpoint)
    assert end.history == expected.history
    assert all(map(np.array_equal, weights(fit.trainer), expected_weights))
    assert computed == expected.costs[-1].gradients - 2
    assert log.stat().st_size < 300_000


def test_log_that_cannot_be_written_is_an_error(digits: Split, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    fit = fit_of(digits, LBFGS, log=tmp_path / "file" / "state.evaluations")
    with pytest.raises(StorageError, match=r"state\.evaluations was saved\. Choose another folder"):
        fit.run()


class Counts(keras.callbacks.Callback):  # type: ignore[misc]
    """Its state depends on every call, and is saved."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[int] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        del logs
        self.calls.append(epoch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        del logs
        self.calls.append(-epoch)


@BOTH
@pytest.mark.parametrize("cut", [1, 6, 7, 8])
def test_callbacks_are_called_once_for_each_epoch(
    digits: Split, tmp_path: Path, optimizer: Optimizer, cut: int
) -> None:
    checkpoint = Checkpoint(tmp_path / "state.npz")
    log = checkpoint.evaluations
    first = new_fit(new_minimization(digits, optimizer, log=log), digits, Counts(), epochs=6)
    interrupted(first, tmp_path / "state.npz", cut=cut)
    counts = Counts()
    again = new_fit(new_minimization(digits, optimizer, log=log), digits, counts, epochs=6)
    resumed(again, checkpoint)
    assert counts.calls == [0, 0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5]


def test_early_stopping_restores_the_best_weights(digits: Split) -> None:
    others = Split(digits.images[:100], digits.labels[::-1][:100].copy())  # it cannot be learned
    trainer = new_minimization(digits, LBFGS)
    fit = new_fit(trainer, others, early_stopping(EarlyStopping(patience=2)), epochs=50)
    history = fit.run().history
    losses = [logs["val_loss"] for logs in history]
    assert len(history) == int(np.argmin(losses)) + 3
    assert trainer.program.evaluate(others).loss == min(losses)


def notices_of(fit: Fit) -> list[str]:
    fit.progress = recorder = Recorder()
    fit.run()
    return recorder.notices


CONVERGED = (
    "Training converged after epoch {} of 90: no component of the gradient is larger than "
    "optimizer.gtol, 0.01."
)
FAILED = (
    "Training stopped after epoch {} of 90: the line search found no smaller loss. The weights of "
    "the last iteration are kept; near a minimum, a step changes the loss by less than its "
    "rounding error."
)
LIMITED = (
    "Training stopped after epoch {} of 90: the limit optimizer.max_gradients, 9 gradients, was "
    "reached."
)
SLOW = (
    "Training converged after epoch {} of 90: the relative decrease of the loss was at most "
    "optimizer.ftol, 0.01."
)


@pytest.mark.parametrize(
    ("name", "arguments", "notice"),
    [
        ("conjugate_gradient", {"gtol": 0.01}, CONVERGED),
        ("l_bfgs", {"gtol": 0.01}, CONVERGED),
        ("conjugate_gradient", {"gtol": 0.0}, FAILED),
        ("l_bfgs", {"gtol": 0.0, "ftol": 0.0}, FAILED),
        ("conjugate_gradient", {"max_gradients": 9}, LIMITED),
        ("l_bfgs", {"max_gradients": 9}, LIMITED),
        ("l_bfgs", {"ftol": 0.01}, SLOW),
    ],
)
def test_early_end_is_explained(
    digits: Split, name: str, arguments: dict[str, Any], notice: str
) -> None:
    """A strongly convex loss: the softmax classifier with a large penalty."""
    fit = fit_of(digits, Optimizer(name=name, **arguments), epochs=90, hidden=(), l2=1.0)
    assert notices_of(fit) == [notice.format(fit.position.epoch)]
    assert 1 < fit.position.epoch < 90
    last = fit.position.history[-1]
    assert fit.trainer.program.evaluate(digits).loss == last["val_loss"], "of the last iteration"


def test_complete_training_needs_no_explanation(digits: Split) -> None:
    assert notices_of(fit_of(digits, LBFGS, epochs=3)) == []


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (
            Optimizer(name="l_bfgs", gtol=100),
            "Training converged in its first iteration: no component of the gradient is larger "
            "than optimizer.gtol, 100. Nothing was published. Set a smaller optimizer.gtol.",
        ),
        (
            Optimizer(name="conjugate_gradient", max_gradients=2),
            "Training stopped in its first iteration: the limit optimizer.max_gradients, 2 "
            "gradients, was reached. Nothing was published. Set a larger optimizer.max_gradients.",
        ),
    ],
)
def test_training_without_a_single_iteration_is_an_error(
    digits: Split, optimizer: Optimizer, message: str
) -> None:
    with pytest.raises(TrainingStalled) as raised:
        fit_of(digits, optimizer, hidden=(), l2=1.0).run()
    assert str(raised.value) == message


@BOTH
def test_loss_that_is_not_finite_stops_the_training(digits: Split, optimizer: Optimizer) -> None:
    trainer = new_minimization(digits, optimizer)
    run, calls = trainer.program.run, iter(range(1, 99))

    def diverging(*arguments: Any) -> Evaluation:
        found = run(*arguments)
        nan = np.full_like(found.gradient, np.nan)
        return found if next(calls) < 5 else Evaluation(found.loss, nan, found.metric_sums, 0.0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.program, "run", diverging)
        with pytest.raises(
            TrainingDiverged,
            match=r"infinite in epoch \d, at gradient \d of the training\. Nothing",
        ) as raised:
            new_fit(trainer, digits, epochs=9).run()
    assert len(raised.value.history) == len(raised.value.costs) > 0


def test_validation_that_is_not_finite_stops_the_training(digits: Split) -> None:
    fit = fit_of(digits, CG)
    kernel = fit.trainer.program.model.get_layer("logits").kernel
    validate = fit.validate

    def ruined() -> Any:
        kernel.assign(np.full(kernel.shape, np.inf, np.float32))
        assert validate is not None
        return validate()

    fit.validate = ruined
    with pytest.raises(TrainingDiverged, match=r"infinite in epoch 1, at gradient \d of"):
        fit.run()


def test_keras_callbacks_work(digits: Split, tmp_path: Path) -> None:
    """Those that write files; there is no optimizer whose learning rate they could log."""
    callbacks = [
        keras.callbacks.ModelCheckpoint(str(tmp_path / "best.keras"), save_best_only=True),
        keras.callbacks.CSVLogger(str(tmp_path / "log.csv")),
        keras.callbacks.TensorBoard(str(tmp_path / "board"), histogram_freq=1),
    ]
    trainer = new_minimization(digits, LBFGS)
    new_fit(trainer, digits, *callbacks, epochs=3).run()
    saved = keras.models.load_model(tmp_path / "best.keras").get_weights()
    assert all(map(np.array_equal, saved, weights(trainer)))
    assert (tmp_path / "log.csv").read_text().count("\n") == 4
    assert list((tmp_path / "board").rglob("events*"))


def test_progress_shows_the_steps_that_are_tried(digits: Split) -> None:
    fit = fit_of(digits, CG, epochs=2)
    seen: list[tuple[int, float]] = []
    progressed = fit.progressed

    def recording(state: EpochState, result: Any, share: float) -> None:
        seen.append((state.step, share))
        progressed(state, result, share)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "progressed", recording)
        end = fit.run()
    assert [step for step, _ in seen[:2]] == [1, 2]
    assert len(seen) == end.costs[-1].gradients
    assert all(0 < share < 1 for _, share in seen)


def test_minimization_starts_from_the_weights_of_the_model(digits: Split) -> None:
    trainer: Minimization = new_minimization(digits, LBFGS)
    flat = np.concatenate([part.ravel() for part in weights(trainer)])
    assert np.array_equal(trainer.program.weights, flat.astype(np.float64))
