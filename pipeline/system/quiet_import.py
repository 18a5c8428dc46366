"""Import TensorFlow without what its C++ code logs on standard error."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_ERRORS = "2"
# TensorFlow reads the level after its first messages, of which the second has a second line.
_LOGGED = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog|[IW]\d{4} [\d:.]+ +\d+ "
    rb"|To enable the following instructions"
)


@contextmanager
def quiet_import() -> Iterator[None]:
    """Hide the messages of a first import of TensorFlow that are not errors, and later ones.

    Everything else that is written to the descriptor of standard error meanwhile appears at the
    end. A level that is set in the environment (TF_CPP_MIN_LOG_LEVEL) is respected.
    """
    if "tensorflow" in sys.modules or _LEVEL in os.environ:
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
