"""``train.callbacks`` -> callbacks of Keras, or of one's own file."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from pipeline.errors import ConfigError
from pipeline.names import choose, create, snake_case

if TYPE_CHECKING:
    from pipeline.config.schema import Callback, EarlyStopping

_USELESS = {
    "callback": "it is the class that others derive from",
    "callback_list": "list the callbacks themselves",
    "lambda_callback": "it needs functions; write a class of your own, FILE.py:CLASS",
    "history": "the history of every run is kept",
    "progbar_logger": "progress is shown anyway",
    "backup_and_restore": "every training goes on where it was interrupted",
    "early_stopping": "write train.early_stopping",
    "terminate_on_na_n": "a loss that is no finite number always ends the training",
    "swap_ema_weights": "with optimizer.use_ema the averaged weights are kept at the end",
}
_BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")


def build_callbacks(configs: Iterable["Callback"]) -> list[keras.callbacks.Callback]:
    """Return the callbacks of ``train.callbacks``.

    Raises:
        ConfigError: a class, an argument or a file is unknown or impossible.
    """
    return [_build(config, f"train.callbacks[{n}]") for n, config in enumerate(configs)]


def early_stopping(config: "EarlyStopping") -> keras.callbacks.EarlyStopping:
    """Return Keras' callback; it restores the best weights whether or not it stops."""
    return keras.callbacks.EarlyStopping(
        monitor=config.monitor,
        mode="min" if config.monitor == "val_loss" else "max",
        patience=config.patience,
        min_delta=config.min_delta,
        restore_best_weights=True,
    )


def callback_classes() -> dict[str, type]:
    """Return the callback classes of Keras by name: ModelCheckpoint as model_checkpoint."""
    return {
        snake_case(name): kind
        for name, kind in vars(keras.callbacks).items()
        if isinstance(kind, type) and issubclass(kind, keras.callbacks.Callback)
    }


def _build(config: "Callback", key: str) -> keras.callbacks.Callback:
    own = _own(config, config.name, f"{key}.name")
    kind = _of_keras(config.name, key) if own is None else _checked(own, key, config)
    arguments = {
        name: _own(config, value, f"{key}.{name}") or value
        for name, value in config.arguments.items()
    }
    callback: keras.callbacks.Callback = create(kind, arguments, key, implied={})
    return callback


def _of_keras(name: str, key: str) -> type:
    """Names may be written as Keras writes them too: CSVLogger, csv_logger, csvlogger."""
    classes = callback_classes()
    written = {known.replace("_", ""): known for known in classes}
    name = written.get(name.replace("_", "").lower(), name)
    if name in _USELESS:
        raise ConfigError(
            f"{key}.name must be a callback that is of use here; got {name!r}: {_USELESS[name]}. "
            "Leave it out."
        )
    useful = {known: kind for known, kind in classes.items() if known not in _USELESS}
    return choose(name, useful, f"{key}.name")


def _own(config: "Callback", value: Any, key: str) -> Any:
    """Return the object that ``FILE.py:NAME`` names, or None for any other value."""
    reference = config.own_code(value)
    if reference is None:
        return None
    path, name = Path(reference[0]).expanduser(), reference[1]
    try:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None, "the name ends in .py"
        assert spec.loader is not None, "as above"
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return getattr(module, name)
    except Exception as error:  # the file is the user's, and may do anything
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(
            f"{key} must name a file that Python can run and what is in it, FILE.py:NAME; got "
            f"{value!r}: {type(error).__name__}: {reason} The path counts from {Path.cwd()}."
        ) from error


def _checked(own: Any, key: str, config: "Callback") -> type:
    """Batches run inside the compiled program: hooks on them would never be called."""
    if not (isinstance(own, type) and issubclass(own, keras.callbacks.Callback)):
        raise ConfigError(
            f"{key}.name must name a class derived from keras.callbacks.Callback; "
            f"got {config.name!r}. Derive it."
        )
    base = keras.callbacks.Callback
    hooks = [name for name in _BATCH_HOOKS if getattr(own, name) is not getattr(base, name)]
    if hooks:
        raise ConfigError(
            f"{key}.name must name a callback that works at the ends of epochs; got "
            f"{', '.join(hooks)} in {config.name!r}. Batches run inside one compiled program, "
            "which calls nobody: use on_epoch_begin and on_epoch_end."
        )
    return own
