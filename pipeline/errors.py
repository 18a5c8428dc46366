"""The exception hierarchy: every failure that users see, with the exit code of the command.

PipelineError
  GateError (1)            the work succeeded, but its result is not good enough
    TrainingFailed           a training that cannot continue
      TrainingDiverged         the loss is infinite or NaN
      TrainingStalled          no weight can change any more
    VerificationFailed       an exported file differs from the trained model
    AccuracyTooLow           the model is below ``publish.min_accuracy``
    RmseTooHigh              the model is above ``publish.max_rmse``
    SignificantlyWorse       a side of ``pipeline compare`` is worse than the first
    NotReproduced            a second run of a published version gave another model
  RequestError (2)         a usage or configuration error
    ConfigError              a key, a type or a value of the configuration
    DataFileError            a data file that is missing, truncated or altered
    ModelError               a folder or file that is not a model, or has been altered
    ImageError               an image of another size or kind
    ExportFailed             a format that cannot represent the network
  MachineError (3)         an error of the environment
    DataUnreachable          no source of the data set is reachable
    StorageError             no permission or no space
    MissingPackages          a required package is not installed
      MissingExtra             a package of an optional extra
    WorkerFailed             a worker process that opens an exported file exited
"""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")  # Keras sets its messages in bold


class PipelineError(Exception):
    """Base class of all errors that are shown as one paragraph, without a traceback."""

    exit_code = 3

    def __reduce__(self) -> tuple[Any, ...]:
        """Let other processes send the error: the arguments of a subclass are not ``args``."""
        return _restore, (type(self), self.args, self.__dict__)


def _restore(
    kind: type[PipelineError], args: tuple[Any, ...], attributes: dict[str, Any]
) -> PipelineError:
    error = kind.__new__(kind, *args)  # sets args
    error.__dict__ |= attributes
    return error


class GateError(PipelineError):
    """The work succeeded, but its result is not good enough to continue."""

    exit_code = 1


class TrainingFailed(GateError):
    """A training cannot continue.

    ``history`` has the logs of the epochs completed before, and ``costs`` their ``TrainingCost``.
    """

    history: Sequence[dict[str, float]] = ()
    costs: Sequence[Any] = ()


class TrainingDiverged(TrainingFailed):
    """The loss became infinite or NaN."""


class TrainingStalled(TrainingFailed):
    """No weight of the network can change any more."""


class VerificationFailed(GateError):
    """An exported file computes different outputs than the trained model."""


class AccuracyTooLow(GateError):
    """The model is less accurate than the configuration requires."""


class RmseTooHigh(GateError):
    """The model has a larger RMSE than the configuration allows."""


class SignificantlyWorse(GateError):
    """A side of a comparison is significantly worse than the first one."""


class NotReproduced(GateError):
    """A second run from the manifest of a version gave another model than the published one."""


class RequestError(PipelineError):
    """A command, an argument, a file or a configuration is wrong."""

    exit_code = 2


class ConfigError(RequestError):
    """A key, a type or a value of the configuration is wrong."""


class DataFileError(RequestError):
    """A data file is missing, truncated, altered or another file."""


class ModelError(RequestError):
    """A folder or file is not a model that can be opened, or has been altered."""


class ImageError(RequestError):
    """An image does not have the size or kind that the model expects."""


class ExportFailed(RequestError):
    """A format cannot represent the network."""


class MachineError(PipelineError):
    """The machine, its disk, its network or its packages prevent the work."""

    exit_code = 3


class DataUnreachable(MachineError):
    """No source of the data set can be reached."""


class StorageError(MachineError):
    """A file or folder cannot be written."""


class MissingPackages(MachineError):
    """A required package is not installed."""

    def __init__(self, what: str, command: str) -> None:
        super().__init__(
            f"{what} requires packages that are not installed. To install them: {command}"
        )


class MissingExtra(MissingPackages):
    """A package that belongs to an optional extra is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(what, install_command(extra))


class WorkerFailed(MachineError):
    """A worker process exited without a result."""


def one_line(error: BaseException, limit: int | None = 300) -> str:
    """Return the message of an error in one line of at most ``limit`` characters, without colors.

    An error without a message is represented by the name of its class.
    """
    text = _TERMINAL_CODES.sub("", str(error))
    return " ".join(text.split())[:limit] or type(error).__name__


def sentence(error: BaseException, limit: int | None = 300) -> str:
    """Return the message of an error in one line that ends with a period."""
    text = one_line(error, limit)
    return text if text.endswith((".", "!", "?")) else f"{text}."


def install_command(extra: str) -> str:
    """Return the command that installs an extra; in the environment of a clone there is no pip."""
    target = "install" if extra in {"train", "runtimes"} else extra
    return f"pip install 'dense-pipeline[{extra}]' (in a clone: make {target})"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "Did you mean 'NEAREST'? ", with a trailing space, or "" if no name is near."""
    in_lower_case = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower(), in_lower_case, n=1, cutoff=0.5)
    return f"Did you mean {in_lower_case[near[0]]!r}? " if near else ""
