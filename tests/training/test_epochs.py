"""What a training reports after each epoch: logs, costs, and both in its errors."""

import itertools
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipeline.artifacts.data_set import Split
from pipeline.artifacts.history import Logs, read_costs, read_history, write_history
from pipeline.errors import TrainingDiverged
from pipeline.progress import Silent, TrainingCost
from pipeline.training import loop as loop_module
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.fit import Fit
from tests.support.small_training import loop_of, new_fit, new_loop, weights

pytestmark = pytest.mark.tensorflow


class Epochs(Silent):
    """Records the reported epochs, and raises an exception at one of them."""

    def __init__(self, ends_at: int | None = None) -> None:
        self.reported: list[tuple[int, dict[str, float]]] = []
        self.ends_at = ends_at

    def epoch_finished(self, epoch: int, logs: Logs, cost: TrainingCost) -> None:
        assert cost.gradients > 0
        self.reported.append((epoch, logs))
        if epoch == self.ends_at:
            raise Pruned


class Pruned(Exception):
    """As a study stops a trial."""


def fit_of(digits: Split, progress: Silent, *, epochs: int = 3, batch_size: int = 100) -> Fit:
    fit = new_fit(new_loop(digits, batch_size=batch_size), digits, epochs=epochs)
    fit.progress = progress
    return fit


def test_costs_count_the_gradients_and_the_images(digits: Split) -> None:
    """The third batch of each epoch has 100 images."""
    started = time.monotonic()
    end = fit_of(digits, Silent(), batch_size=200).run()
    assert [(c.gradients, c.images) for c in end.costs] == [(3, 500), (6, 1000), (9, 1500)]
    seconds = [0.0, *(cost.seconds for cost in end.costs)]
    assert seconds == sorted(set(seconds))
    assert seconds[-1] < time.monotonic() - started


def test_costs_are_the_seconds_inside_training_steps(
    digits: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look at the clock takes a second, and all else no time."""
    clock = SimpleNamespace(monotonic=itertools.count(0.0).__next__)
    monkeypatch.setattr(loop_module, "time", clock)
    end = fit_of(digits, Silent(), batch_size=100).run()
    assert [cost.seconds for cost in end.costs] == [5.0, 10.0, 15.0]  # one step in each call


def test_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    history = [{"loss": 0.1, "val_loss": 1e-9}, {"loss": 1 / 3, "val_loss": 2.0}]
    costs = [TrainingCost(1 / 3, 4, 500), TrainingCost(2.5, 8, 1000)]
    write_history(tmp_path, history, costs)
    assert read_history(tmp_path) == history
    assert read_costs(tmp_path) == costs
    assert '"seconds": 2.5,\n    "gradients": 8,\n' in (tmp_path / "costs.json").read_text()


def test_epochs_are_reported_with_their_logs(digits: Split) -> None:
    epochs = Epochs()
    end = fit_of(digits, epochs).run()
    assert epochs.reported == list(enumerate(end.history, start=1))
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(end.history[0])


def test_exception_of_the_report_ends_the_training_and_keeps_the_epoch(
    digits: Split, tmp_path: Path
) -> None:
    """A later training continues after the epoch, and reports the earlier ones first."""
    whole = fit_of(digits, Silent())
    expected = whole.run().history
    expected_weights = weights(loop_of(whole))
    fit = fit_of(digits, Epochs(ends_at=2))
    fit.checkpoint = Checkpoint(tmp_path / "state.npz")
    with pytest.raises(Pruned):
        fit.run()
    saved = fit.checkpoint.read(len(loop_of(fit).program.variables))
    assert saved is not None
    assert (saved.position.epoch, saved.position.state.step) == (2, 0)
    epochs = Epochs()
    again = fit_of(digits, epochs)
    assert again.run(saved).history == expected
    assert all(map(np.array_equal, weights(loop_of(again)), expected_weights))
    assert epochs.reported == list(enumerate(expected, start=1))


def test_resumed_training_ends_at_the_same_report(digits: Split, tmp_path: Path) -> None:
    """The exception is raised for an epoch that the checkpoint already has."""
    fit = fit_of(digits, Silent())
    fit.checkpoint = Checkpoint(tmp_path / "state.npz")
    run = loop_of(fit).program.run

    def interrupting(*arguments: Any, **named: Any) -> Any:
        result = run(*arguments, **named)
        if int(loop_of(fit).program.optimizer.iterations.numpy()) >= 11:
            os.kill(os.getpid(), signal.SIGINT)
        return result

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop_of(fit).program, "run", interrupting)
        fit.run()
    saved = fit.checkpoint.read(len(loop_of(fit).program.variables))
    assert saved is not None
    assert saved.position.epoch == 2
    epochs = Epochs(ends_at=1)
    with pytest.raises(Pruned):
        fit_of(digits, epochs).run(saved)
    assert [epoch for epoch, _ in epochs.reported] == [1]


def test_error_carries_the_epochs_before_it(digits: Split) -> None:
    fit = fit_of(digits, Silent(), epochs=9)
    kernel = loop_of(fit).program.model.get_layer("logits").kernel

    class Ruins(Silent):
        def epoch_finished(self, epoch: int, logs: Logs, cost: TrainingCost) -> None:
            del logs, cost
            if epoch == 2:
                kernel.assign(np.full(kernel.shape, np.nan, np.float32))

    fit.progress = Ruins()
    with pytest.raises(TrainingDiverged, match="in epoch 3, step 1 of 5") as raised:
        fit.run()
    assert [set(logs) for logs in raised.value.history] == [set(raised.value.history[0])] * 2
    assert [(c.gradients, c.images) for c in raised.value.costs] == [(5, 500), (10, 1000)]
