"""``train.callbacks``: Keras callbacks and user classes, in new and resumed trainings."""

import csv
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from pipeline.artifacts.data_set import Split
from pipeline.config import read
from pipeline.config.callback_files import is_file_argument
from pipeline.config.training_schema import Callback
from pipeline.errors import ConfigError
from pipeline.models.keras_by_name import parameters_of
from pipeline.training.callback_checks import check_callbacks
from pipeline.training.callback_list import CallbackList, _continue_csv
from pipeline.training.callbacks import build_callbacks, callback_classes
from tests.support.command_line import assert_error, in_process
from tests.support.paths import SMOKE
from tests.support.small_training import new_fit, new_loop

pytestmark = pytest.mark.tensorflow

OWN = """
import keras

class Own(keras.callbacks.Callback):
    def __init__(self, path, factor=1.0):
        super().__init__()
        self.path, self.factor, self.seen = path, factor, []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(epoch)
        logs["doubled"] = 2 * logs["loss"]
        with open(self.path, "a") as file:
            print(epoch, self.seen, file=file)
        if epoch == 1:
            self.model.stop_training = True

class Failing(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        raise ValueError("no\\nsuch luck")

class Leaving(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        raise SystemExit(0)

class Texts(keras.callbacks.Callback):
    def __init__(self, value):
        super().__init__()
        self.value = value

    def on_epoch_end(self, epoch, logs=None):
        logs["loss"], logs["note"] = 77.0, self.value

class NotBuilt(keras.callbacks.Callback):
    def __init__(self):
        raise RuntimeError("not today")

class OnBatches(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass

def halve(epoch, rate):
    return rate / 2

no_class = 3
"""


@pytest.fixture
def user_file(tmp_path: Path) -> Path:
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return path


def build(**arguments: Any) -> keras.callbacks.Callback:
    [callback] = build_callbacks([Callback(**arguments)])
    return callback


def test_csv_logger_writes_one_row_per_epoch(digits: Split, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    history = (
        new_fit(
            new_loop(digits, batch_size=100),
            digits,
            build(name="csv_logger", filename=str(path)),
            epochs=3,
        )
        .run()
        .history
    )
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2]
    assert [float(row["val_loss"]) for row in rows] == [logs["val_loss"] for logs in history]


def test_resumed_csv_log_keeps_only_earlier_epochs(digits: Split, tmp_path: Path) -> None:
    """Epoch 2 was logged before the kill, but the checkpoint is from the middle of it."""
    path = tmp_path / "log.csv"
    path.write_text("epoch,loss,val_loss\n0,0.3,0.4\n1,0.2,0.3\n2,0.1,0.2\n3,0.")
    loop = new_loop(digits, batch_size=100)
    logger = build(name="csv_logger", filename=str(path))
    callbacks = CallbackList([logger], loop.program.model, epochs=4, steps=5)
    callbacks.train_begin(resumed_epoch=2)
    callbacks.epoch_end(2, {"loss": 0.125, "val_loss": 0.25})
    callbacks.train_end()
    assert path.read_text() == "epoch,loss,val_loss\n0,0.3,0.4\n1,0.2,0.3\n2,0.125,0.25\n"


def test_tensorboard_writes_readable_events(digits: Split, tmp_path: Path) -> None:
    import tensorflow as tf

    callback = build(name="tensor_board", log_dir=str(tmp_path), histogram_freq=1)
    new_fit(new_loop(digits, batch_size=100), digits, callback, epochs=2).run()
    found = set()
    for path in tmp_path.rglob("events*"):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            found |= {(value.tag, event.step) for value in event.summary.value}
    assert {("epoch_loss", 0), ("epoch_loss", 1), ("epoch_learning_rate", 1)} <= found
    assert any("hidden_1" in tag for tag, _ in found)


def test_model_checkpoint_writes_loadable_models(digits: Split, tmp_path: Path) -> None:
    callback = build(name="model_checkpoint", filepath=str(tmp_path / "{epoch}.keras"))
    loop = new_loop(digits, batch_size=100)
    new_fit(loop, digits, callback, epochs=2).run()
    first, second = (keras.models.load_model(tmp_path / f"{n}.keras") for n in (1, 2))
    assert all(map(np.array_equal, second.get_weights(), loop.program.model.get_weights()))
    assert not np.array_equal(first.get_weights()[0], second.get_weights()[0])
    assert second(digits.images[:3]).shape == (3, 10)


def test_user_schedule_changes_the_learning_rate(digits: Split, user_file: Path) -> None:
    callback = build(name="learning_rate_scheduler", schedule=f"{user_file}:halve")
    loop = new_loop(digits, batch_size=100)
    history = new_fit(loop, digits, callback, epochs=2).run().history
    rates = [logs["learning_rate"] for logs in history]
    assert rates == pytest.approx([0.05, 0.025])
    plain = new_loop(digits, batch_size=100)
    unchanged = new_fit(plain, digits, epochs=2).run().history
    assert unchanged[0]["loss"] != history[0]["loss"], "the compiled step reads the current rate"


def test_plateau_reduces_the_learning_rate(digits: Split) -> None:
    callback = build(name="reduce_lr_on_plateau", patience=1, min_delta=100.0, factor=0.5)
    loop = new_loop(digits, batch_size=100)
    new_fit(loop, digits, callback, epochs=3).run()
    assert float(loop.program.optimizer.learning_rate) == pytest.approx(0.025)


def test_user_callback_adds_logs_and_stops_training(
    digits: Split, user_file: Path, tmp_path: Path
) -> None:
    callback = build(name=f"{user_file}:Own", path=str(tmp_path / "seen"))
    fit = new_fit(new_loop(digits, batch_size=100), digits, callback, epochs=5)
    history = fit.run().history
    assert len(history) == 2
    assert history[1]["doubled"] == 2 * history[1]["loss"]


def test_callback_state_survives_json(digits: Split, user_file: Path) -> None:
    """As in a checkpoint; attributes that cannot be saved are left as they are."""
    model = new_loop(digits, batch_size=100).program.model
    stopper = keras.callbacks.EarlyStopping(restore_best_weights=True)
    mine = build(name=f"{user_file}:Own", path="nowhere", factor=0.5)
    listed = CallbackList([stopper, mine], model, epochs=1, steps=1)
    stopper.wait, stopper.best, stopper.best_weights = 2, np.float32(0.25), [np.eye(2)]
    mine.seen, mine.handle = [0, 1], object()
    state, arrays = listed.get_state()
    fresh, other = keras.callbacks.EarlyStopping(), build(name=f"{user_file}:Own", path="x")
    CallbackList([fresh, other], model, epochs=1, steps=1).restore_state(
        json.loads(json.dumps(state)), arrays
    )
    assert (fresh.wait, fresh.best, other.seen, other.factor) == (2, 0.25, [0, 1], 0.5)
    assert np.array_equal(fresh.best_weights[0], np.eye(2))
    assert not hasattr(other, "handle")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"name": "csv_loger"},
            r"Unknown callback 'csv_loger' .*\[0\].name in .*Did you mean 'csv_logger'",
        ),
        (
            {"name": "csv_logger"},
            r"CSVLogger requires filename .*Write \{name: csv_logger, filename: VALUE\}",
        ),
        (
            {"name": "csv_logger", "file": "x"},
            r"CSVLogger has no argument 'file' .*callbacks\[0\].file",
        ),
        (
            {"name": "progbar_logger"},
            "'progbar_logger' in the configuration is not supported, because progress",
        ),
        ({"name": "early_stopping"}, "it has its own key. Set train.early_stopping"),
        ({"name": "{file}:OnBatches"}, "without batch hooks; got on_train_batch_end in"),
        ({"name": "{file}:no_class"}, "must be a subclass of keras.callbacks.Callback; got"),
        ({"name": "{file}:Missing"}, "AttributeError: .*Missing"),
        ({"name": "{file}:Own"}, r"Own requires path .*Add it\."),
        ({"name": "{file}:NotBuilt"}, r"NotBuilt does not accept {} .*RuntimeError: not today\."),
        ({"name": "model_checkpoint", "filepath": "x", "save_freq": "9"}, "epoch boundaries only"),
        ({"name": "tensorboard", "update_freq": "batch"}, "must be 'epoch'; got 'batch'"),
        ({"name": "nowhere.py:Own"}, "load 'nowhere.py:Own': FileNotFoundError.*paths start at /"),
    ],
)  # fmt: skip
def test_invalid_callback_is_explained(
    user_file: Path, arguments: dict[str, str], text: str
) -> None:
    given = {key: value.format(file=user_file) for key, value in arguments.items()}
    with pytest.raises(ConfigError, match=text):
        build(**given)


@pytest.mark.parametrize("name", ["csv_logger", "CSVLogger", "csvlogger"])
def test_class_names_are_accepted_in_several_spellings(name: str) -> None:
    assert isinstance(build(name=name, filename="x"), keras.callbacks.CSVLogger)


def test_keras_callbacks_are_known() -> None:
    assert {"csv_logger", "tensor_board", "model_checkpoint", "learning_rate_scheduler",
            "reduce_lr_on_plateau", "terminate_on_na_n"} <= set(callback_classes())  # fmt: skip


def test_failing_callback_is_named_and_nothing_published(user_file: Path, tmp_path: Path) -> None:
    done = in_process(
        "run", SMOKE, f"train.callbacks=[{{name: '{user_file}:Failing'}}]", "train.epochs=1",
        "--workspace", tmp_path,
    )  # fmt: skip
    assert_error(
        done,
        2,
        "Failing in train.callbacks failed: on_epoch_end raised ValueError: no such luck. Fix",
    )
    assert not (tmp_path / "exported").exists() or not list((tmp_path / "exported").iterdir())


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("Leaving", {}, "Leaving in train.callbacks failed: on_epoch_end raised SystemExit"),
        ("Texts", {"value": "hello"}, "Texts in train.callbacks failed: it logged note = 'hello'"),
        ("Texts", {"value": float("nan")}, "it logged note = nan, not a finite value"),
    ],
)
def test_callback_failures_are_explained(
    digits: Split, user_file: Path, name: str, arguments: dict[str, Any], text: str
) -> None:
    fit = new_fit(
        new_loop(digits, batch_size=100),
        digits,
        build(name=f"{user_file}:{name}", **arguments),
        epochs=1,
    )
    with pytest.raises(ConfigError, match=text):
        fit.run()


def test_callback_cannot_overwrite_measured_values(digits: Split, user_file: Path) -> None:
    fit = new_fit(
        new_loop(digits, batch_size=100),
        digits,
        build(name=f"{user_file}:Texts", value=3),
        epochs=1,
    )
    [logs] = fit.run().history
    assert logs["note"] == 3
    assert logs["loss"] < 3


def test_accuracy_is_maximized_by_default(tmp_path: Path) -> None:
    arguments = {"filepath": str(tmp_path / "x.keras"), "monitor": "val_accuracy"}
    assert build(name="model_checkpoint", **arguments).mode == "max"
    assert build(name="model_checkpoint", mode="min", **arguments).mode == "min"


def test_two_learning_rate_setters_are_rejected() -> None:
    config = read(
        SMOKE,
        [
            "optimizer={name: sgd, schedule: {name: cosine}}",
            "train.callbacks=[{name: reduce_lr_on_plateau}]",
        ],
    )
    with pytest.raises(ConfigError, match="not by both; got cosine and ReduceLROnPlateau"):
        check_callbacks(config, run_own_code=False)


def test_monitored_metric_must_be_logged(user_file: Path) -> None:
    callbacks = "{name: model_checkpoint, filepath: x.keras, monitor: val_los}"
    with pytest.raises(ConfigError, match=r"\[0\].monitor .* got 'val_los' .* mean 'val_loss'"):
        check_callbacks(read(SMOKE, [f"train.callbacks=[{callbacks}]"]), run_own_code=True)
    with_own = f"train.callbacks=[{callbacks}, {{name: '{user_file}:Own', path: x}}]"
    check_callbacks(read(SMOKE, [with_own]), run_own_code=True)


def test_appended_csv_log_keeps_older_trainings(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("epoch,loss\n0,9\n1,8\n2,7\n0,3\n1,2\n2,1\n")
    _continue_csv(build(name="csv_logger", filename=str(path), append=True), 2)
    assert path.read_text() == "epoch,loss\n0,9\n1,8\n2,7\n0,3\n1,2\n"


def test_changed_callback_file_changes_the_fingerprint(user_file: Path, tmp_path: Path) -> None:
    from pipeline.artifacts.data_source import SAMPLE, Source
    from pipeline.engine.plan import Plan
    from pipeline.engine.workspace import Workspace
    from pipeline.stages import GRAPH

    config = read(SMOKE, [f"train.callbacks=[{{name: '{user_file}:Own', path: x}}]"])
    plans = []
    for text in (OWN, OWN, OWN + "\nCHANGED = True\n"):
        user_file.write_text(text)
        plans.append(Plan(GRAPH, config, Source(SAMPLE, ""), Workspace(tmp_path)).fingerprints)
    assert plans[0] == plans[1]
    assert plans[0]["data"] == plans[2]["data"]
    assert plans[0]["train"] != plans[2]["train"]


def test_own_code_is_not_run_when_only_names_are_checked(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    (tmp_path / "own.py").write_text(
        f"import pathlib\npathlib.Path({str(marker)!r}).touch()\n{OWN}"
    )
    callbacks = (
        f"[{{name: '{tmp_path}/own.py:Own', path: x}}, "
        f"{{name: learning_rate_scheduler, schedule: '{tmp_path}/own.py:halve'}}]"
    )
    config = read(SMOKE, [f"train.callbacks={callbacks}"])
    check_callbacks(config, run_own_code=False)
    assert not marker.exists()
    check_callbacks(config, run_own_code=True)
    assert marker.exists()
    with pytest.raises(ConfigError, match="not by both; got cosine and LearningRateScheduler"):
        check_callbacks(
            read(SMOKE, [f"train.callbacks={callbacks}", "optimizer.schedule=cosine"]),
            run_own_code=False,
        )


def test_files_of_keras_callbacks_are_relative_to_the_workspace(
    tmp_path: Path, user_file: Path
) -> None:
    workspace = tmp_path / "a {b}"
    callbacks = [
        Callback(name="csv_logger", filename="logs/{x}.csv"),
        Callback(name="tensor_board"),
        Callback(name="model_checkpoint", filepath="{epoch:02d}.keras"),
        Callback(name="csv_logger", filename="/elsewhere/log.csv"),
        Callback(name="tensor_board", log_dir="gs://bucket/logs"),
        Callback(name=f"{user_file}:Own", path="as written"),
    ]
    log, board, checkpoint, other, remote, own = build_callbacks(callbacks, workspace=workspace)
    assert log.filename == f"{workspace}/logs/{{x}}.csv"
    assert board.log_dir == f"{workspace}/logs"
    assert checkpoint.filepath.format(epoch=3) == f"{workspace}/03.keras"
    assert (other.filename, remote.log_dir) == ("/elsewhere/log.csv", "gs://bucket/logs")
    assert own.path == "as written"


def test_resumed_training_writes_into_the_workspace_where_it_is_now(
    digits: Split, tmp_path: Path
) -> None:
    """The checkpoint does not restore paths: the workspace may have been moved."""
    model = new_loop(digits, batch_size=100).program.model
    logger = Callback(name="csv_logger", filename="log.csv")
    old, new = (build_callbacks([logger], workspace=tmp_path / name) for name in ("a", "b"))
    state, arrays = CallbackList(old, model, epochs=1, steps=1).get_state()
    CallbackList(new, model, epochs=1, steps=1).restore_state(state, arrays)
    assert new[0].filename == str(tmp_path / "b" / "log.csv")


def test_file_arguments_of_all_keras_callbacks_are_known() -> None:
    """A new one, with a name that is not recognized, must be added to the pattern."""
    found = {
        (name, argument)
        for name, kind in callback_classes().items()
        for argument in parameters_of(kind)
        if is_file_argument(argument)
    }
    assert found == {
        ("csv_logger", "filename"),
        ("tensor_board", "log_dir"),
        ("model_checkpoint", "filepath"),
        ("backup_and_restore", "backup_dir"),
        ("orbax_checkpoint", "directory"),
        ("remote_monitor", "path"),  # of a URL; like the two above, refused
    }
