"""Which version answers a request for predictions: the one that it names, or one by chance."""

import logging
import random
from typing import Literal, NamedTuple, Protocol

from pipeline.serving.model import Model
from pipeline.serving.traffic.counters import split_counter
from pipeline.serving.traffic.options import Shares, TrafficOptions
from pipeline.serving.versions import Version

_log = logging.getLogger(__name__)


class Chosen(NamedTuple):
    """How a version was chosen: by what, the label if there is one, and if it is the default."""

    by: Literal["version", "label", "split", "default"]
    label: str | None
    is_default: bool


class Call(Protocol):
    """A request over HTTP or gRPC."""

    chosen: Chosen | None

    @property
    def id(self) -> str | None:
        """The number of the request, or what the client calls it."""

    @property
    def trace_id(self) -> str | None:
        """The trace that the request belongs to."""


class Choice:
    """Chooses versions by the fractions of ``--split``."""

    def __init__(self, options: TrafficOptions) -> None:
        self._options = options
        self._logged: dict[tuple[str, str], str | None] = {}

    def choose(self, model: Model, number: str | None, label: str | None, call: Call) -> Version:
        """Return the version that answers a request, and note in ``call`` how it was chosen.

        Raises:
            ServingError: (404) the named version or label is unknown; (503) it is not ready.
        """
        if number is not None or label is not None:
            call.chosen = Chosen("version" if number is not None else "label", label, False)
            return model.version(number, label)
        shares = self._options.split(model.name)
        if not shares:
            call.chosen = Chosen("default", None, True)
            return model.version()
        return self._split(model, shares, call)

    def _split(self, model: Model, shares: Shares, call: Call) -> Version:
        [label] = random.choices([*shares], [*shares.values()])  # noqa: S311  (not a secret)
        version, problem = labeled(model, label)
        self._log_change(model.name, label, problem)
        if version is None:
            version = model.version()
            call.chosen, outcome = Chosen("default", None, True), "fallback"
        else:
            call.chosen, outcome = Chosen("split", label, version is model.default), "chosen"
        split_counter(model.name, label, version.text, outcome).inc()
        return version

    def _log_change(self, model: str, label: str, problem: str | None) -> None:
        if self._logged.get((model, label)) != problem:
            self._logged[model, label] = problem
            if problem:
                sentence = f"--split: {problem}; the default version is served instead"
                _log.warning("%s", sentence, extra={"model": model})


def labeled(model: Model, label: str) -> tuple[Version | None, str | None]:
    """Return the version of a label if it can take the place of the default one, or why not.

    Unlike in requests for a label, an older version does not take the place of one that is not
    ready.
    """
    problem = model.label_problem(label)
    if label not in model.labels:
        return None, f"there is no label {label}"
    if problem is not None:
        return None, f"label {label}: {problem.partition(';')[0]}"
    version, default = model.ready[model.labels[label]], model.default
    if default is not None and not _interchangeable(version, default):
        return None, (
            f"label {label}: version {version.text} has other inputs, outputs or classes than "
            f"version {default.text}"
        )
    return version, None


def _interchangeable(version: Version, default: Version) -> bool:
    return version is default or (
        version.contract == default.contract
        and version.task.name == default.task.name
        and version.class_names == default.class_names
    )
