"""The error tree: every failure a user can meet, and the exit code it ends a command with.

PipelineError
  GateError (1)            the work was done, the result is not good enough
    TrainingDiverged         the loss stopped being a number
    VerificationFailed       an exported file does not answer as the trained model does
    AccuracyTooLow           the model is below ``publish.min_accuracy``
  RequestError (2)           what was asked for is wrong
    ConfigError              a key, a type or a value of the configuration
    DataFileError            a data file that is cut short or altered
    ModelError               a folder or file that is not a model, or has been altered
    ImageError               an image of another size or kind
    ExportFailed             a format that cannot hold this network
  MachineError (3)      the machine cannot do it
    DataUnreachable          no source of the data set answers
    StorageError             no permission, no space
    MissingPackages          something that is not installed
      MissingExtra             a package of an optional extra
    WorkerFailed             a process that opens an exported file ended by itself
"""

import difflib
from collections.abc import Iterable


class PipelineError(Exception):
    """Base of all errors that are shown to users as one paragraph, without a traceback."""

    exit_code = 3


class GateError(PipelineError):
    """The work was done and its result is not good enough to go on."""

    exit_code = 1


class TrainingDiverged(GateError):
    """The loss became infinite or not a number."""


class VerificationFailed(GateError):
    """An exported file does not answer as the trained model does."""


class AccuracyTooLow(GateError):
    """The model is less accurate than the configuration demands."""


class RequestError(PipelineError):
    """What was asked for is wrong."""

    exit_code = 2


class ConfigError(RequestError):
    """A key, a type or a value of the configuration is wrong."""


class DataFileError(RequestError):
    """A data file is not the one that was expected."""


class ModelError(RequestError):
    """A folder or file is not a model that can be opened, or has been altered."""


class ImageError(RequestError):
    """An image does not have the size or kind that the model takes."""


class ExportFailed(RequestError):
    """A format cannot hold the network that was asked for."""


class MachineError(PipelineError):
    """The machine, its disk, its network or its packages cannot do what was asked."""

    exit_code = 3


class DataUnreachable(MachineError):
    """No source of the data set can be reached."""


class StorageError(MachineError):
    """A file or folder cannot be written."""


class MissingPackages(MachineError):
    """Something that a runtime needs is not installed."""

    def __init__(self, what: str, command: str) -> None:
        super().__init__(f"{what} needs packages that are not installed. Add them with: {command}.")


class MissingExtra(MissingPackages):
    """A package that belongs to an optional extra is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(what, f"pip install 'dense-pipeline[{extra}]' (in a clone: make install)")


class WorkerFailed(MachineError):
    """A worker process ended without an answer."""


def one_line(error: BaseException, limit: int | None = 300) -> str:
    """Return what an error says, in one line of at most ``limit`` characters.

    One that says nothing is named by its class.
    """
    return " ".join(str(error).split())[:limit] or type(error).__name__


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "Did you mean 'NEAREST'? " with a space after it, or "" where no name is near."""
    in_lower_case = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower(), in_lower_case, n=1, cutoff=0.5)
    return f"Did you mean {in_lower_case[near[0]]!r}? " if near else ""
