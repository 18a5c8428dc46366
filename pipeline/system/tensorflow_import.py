"""Import TensorFlow and Keras quickly, and without what their C++ code logs on standard error."""

import gc
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from tempfile import TemporaryFile
from types import ModuleType

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_ERRORS = "2"
# TensorFlow reads the level after its first messages, of which the second has a second line.
_LOGGED = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog|[IW]\d{4} [\d:.]+ +\d+ "
    rb"|To enable the following instructions"
)
# Keras imports scikit-learn for the first and matplotlib for the second, if they are installed:
# about 30 % of the processor time of `import tensorflow, keras`.
_DEFERRED = {
    f"{package}.{part}"
    for package in ("keras", "keras._tf_keras.keras")
    for part in ("wrappers", "visualization")
} | {"keras.src.visualization"}


@contextmanager
def tensorflow_import() -> Iterator[None]:
    """Import TensorFlow, Keras or what imports them: for the body of a ``with`` statement.

    Parts of Keras that need scikit-learn or matplotlib are loaded on first use, and the garbage
    collector, which finds nothing in modules, waits until the end. Messages of a first
    import that are not errors are hidden, and later ones; everything else that is written to the
    descriptor of standard error meanwhile appears at the end. A level that is set in the
    environment (TF_CPP_MIN_LOG_LEVEL) is respected.
    """
    if "tensorflow" in sys.modules:
        yield
        return
    sys.meta_path.insert(0, _Deferred)
    try:
        with _quiet(), _no_collection():
            yield
    finally:
        sys.meta_path.remove(_Deferred)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Do not search the many objects of an import for garbage: a sixth of its processor time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Deferred:
    """Finds the parts of Keras that are loaded when an attribute is first read."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the specification of a deferred module, or None for other modules."""
        spec = PathFinder.find_spec(name, path, target) if name in _DEFERRED else None
        if spec and spec.loader:
            spec.loader = LazyLoader(spec.loader)
        return spec


@contextmanager
def _quiet() -> Iterator[None]:
    if _LEVEL in os.environ:
        yield
        return
    try:
        saved = os.dup(2)
    except OSError:  # standard error is closed
        yield
        return
    os.environ[_LEVEL] = _ERRORS
    with TemporaryFile() as captured:
        os.dup2(captured.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            os.environ.pop(_LEVEL, None)
            captured.seek(0)
            kept = b"".join(line for line in captured if not _LOGGED.match(line))
            with open(2, "wb", closefd=False) as standard_error:
                standard_error.write(kept)
