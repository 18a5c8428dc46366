"""Copies of requests for another version, which is compared with the one that answered."""

import logging
import random
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from pipeline.runtimes.predictor import Images
from pipeline.serving.model import Model
from pipeline.serving.traffic.backlog import Backlog
from pipeline.serving.traffic.choice import labeled
from pipeline.serving.traffic.comparison import compare
from pipeline.serving.traffic.counters import (
    shadow_difference,
    shadow_images,
    shadow_max_difference,
)
from pipeline.serving.traffic.options import TrafficOptions
from pipeline.serving.versions import Version
from pipeline.system import daemon_threads
from pipeline.tasks.task import Predictions

_log = logging.getLogger(__name__)
_MAX_COPIES = 64  # waiting
_PATIENCE_SECONDS = 1.0
_POLL_SECONDS = 0.002


class _Copy(NamedTuple):
    version: Version
    label: str
    images: Images
    predictions: Predictions


class Shadow:
    """Compares versions in a thread, while no request is in progress."""

    def __init__(
        self,
        options: TrafficOptions,
        max_bytes: int,
        find: Callable[[str], Model | None],
        is_idle: Callable[[], bool],
    ) -> None:
        """``find`` returns a model by name; ``is_idle`` tells whether no request is in progress.

        At most ``max_bytes`` of images wait.
        """
        self._options, self._find, self._is_idle = options, find, is_idle
        self._backlog: Backlog[_Copy] = Backlog(_MAX_COPIES, max_bytes)
        self._largest: dict[tuple[str, str, str], float] = {}
        self._logged: dict[str, str | None] = {}
        self._thread = daemon_threads.start(self._run)

    def copy(self, version: Version, images: Images, predictions: Predictions) -> None:
        """Copy a request that the default version answered, if its turn comes by chance."""
        option = self._options.shadow(version.model)
        if option is None or random.random() >= option[1]:  # noqa: S311  (not a secret)
            return
        copy = _Copy(version, option[0], images, predictions)
        if not self._backlog.put(copy, images.nbytes):
            _count(copy, "", "dropped", len(images))

    def close(self) -> None:
        """End the thread after the copy that it is at; do not wait for it."""
        self._is_idle = lambda: False
        self._backlog.close()

    def _run(self) -> None:
        while (copy := self._backlog.get()) is not None:
            try:
                self._compare(copy)
            except Exception:  # noqa: BLE001  (requests are not affected)
                _log.exception("--shadow: cannot compare versions")
            self._backlog.done(copy.images.nbytes)

    def _compare(self, copy: _Copy) -> None:
        model = self._find(copy.version.model)
        version, problem = labeled(model, copy.label) if model else (None, None)
        self._log_change(copy.version.model, problem)
        if version is None or version is copy.version:
            _count(copy, "", "skipped", len(copy.images))
        elif not self._waited_for_idleness():
            _count(copy, version.text, "dropped", len(copy.images))
        else:
            self._record(copy, version)

    def _log_change(self, model: str, problem: str | None) -> None:
        if self._logged.get(model) != problem:
            self._logged[model] = problem
            if problem:
                _log.warning("--shadow: %s; copies are skipped", problem, extra={"model": model})

    def _waited_for_idleness(self) -> bool:
        """Wait until no request is in progress; return False if there always is one.

        It begins by waiting, until the response to the copied request is sent.
        """
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
            if self._is_idle():
                return True
        return False

    def _record(self, copy: _Copy, version: Version) -> None:
        try:
            got = version.predictor.predict(copy.images)
        except Exception as error:  # noqa: BLE001  (of any kind, from the runtime)
            _log.warning("--shadow: %s", error, extra=_fields(version))
            got = np.full_like(copy.predictions, np.nan)
        if not np.isfinite(got).all():
            _count(copy, version.text, "failed", len(copy.images))
            return
        agree, differences = compare(copy.version, copy.predictions, got)
        agreed = int(agree.sum())
        _count(copy, version.text, "agreed", agreed)
        _count(copy, version.text, "disagreed", len(agree) - agreed)
        key = (version.model, copy.label, version.text)
        histogram = shadow_difference.labels(*key)
        for difference in differences.tolist():
            histogram.observe(difference)
        self._largest[key] = max(self._largest.get(key, 0.0), float(differences.max()))
        shadow_max_difference.labels(*key).set(self._largest[key])


def _count(copy: _Copy, version: str, outcome: str, images: int) -> None:
    shadow_images.labels(copy.version.model, copy.label, version, outcome).inc(images)


def _fields(version: Version) -> dict[str, object]:
    return {"model": version.model, "version": version.number}
