"""Following one model's folder: new versions are opened while the current ones serve."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pipeline.errors import ModelError, sentence
from pipeline.serving.answer_counts import WindowSettings
from pipeline.serving.model import STUCK, Model
from pipeline.serving.model_folder import Contents, Labels, ModelFolder, Signature, read_contents
from pipeline.serving.settings import Settings
from pipeline.serving.turns import Turns, call_in_thread
from pipeline.serving.versions import Version, open_version

REFRESH_SECONDS = 1.0  # between two looks at a folder
_KEPT = " (What was loaded before the change is still served.)"
_log = logging.getLogger(__name__)


class ModelWatcher:
    """Keeps one model up to date; the disk is accessed only in threads that may get stuck."""

    def __init__(
        self,
        folder: ModelFolder,
        settings: Settings,
        turns: Turns,
        on_change: Callable[[Model], None],
    ) -> None:
        """``turns`` are shared with other models, ``on_change`` gets each new state."""
        self._folder, self._limits, self._turns = folder, settings.limits, turns
        self._public_key = settings.public_key
        self._windows = WindowSettings(settings.drift_window, settings.shared_folder)
        self._on_change = on_change
        self._model = Model(folder.name)
        self._seen: dict[int, Signature] = {}
        self._opening: dict[int, asyncio.Task[None]] = {}
        self._logged: dict[str, str | None] = {}
        self._wanted = asyncio.Event()  # somebody waits for a look
        self._waiting: list[asyncio.Future[None]] = []

    async def watch(self) -> None:
        """Look at the folder every second until canceled."""
        waiting: list[asyncio.Future[None]] = []
        try:
            while True:
                self._wanted.clear()
                waiting, self._waiting = self._waiting, []
                await self._look()
                _end(waiting)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wanted.wait(), REFRESH_SECONDS)
        finally:
            for opening in self._opening.values():
                opening.cancel()
            _end([*waiting, *self._waiting])  # the folder is no longer watched

    async def look_now(self) -> None:
        """Look at the folder now; return when its versions are ready, rejected or late."""
        looked = asyncio.get_running_loop().create_future()
        self._waiting.append(looked)
        self._wanted.set()
        await looked
        if self._opening:
            await asyncio.wait([*self._opening.values()], timeout=self._limits.load_seconds)

    async def _look(self) -> None:
        try:
            contents = await call_in_thread(
                self._limits.load_seconds, self._report_stuck, read_contents, self._folder
            )
            self._update(contents)
        except OSError as error:  # the versions in memory stay in service
            self._log_change("folder", f"cannot read {self._folder.path}: {sentence(error)}")
            self._set(examined=True)
        except Exception:  # noqa: BLE001  (other models are not affected)
            _log.exception("cannot read %s", self._folder.path)
            self._set(examined=True)
        else:
            self._log_change("folder", None)

    def _update(self, contents: Contents) -> None:
        numbers = set(contents.signatures)
        changed = [number for number in contents.signatures if self._has_changed(number, contents)]
        removed = set(self._seen) - numbers
        for number in {*changed, *removed} & set(self._opening):
            self._opening.pop(number).cancel()
        for number in sorted(removed & set(self._model.ready)):
            _log.info("version removed", extra=self._fields(number))
        self._seen = {
            number: signature if number in changed else self._seen[number]
            for number, signature in contents.signatures.items()
        }
        self._set(
            ready={n: version for n, version in self._model.ready.items() if n in numbers},
            rejected={n: reason for n, reason in self._model.rejected.items() if n in numbers},
            loading=frozenset({*self._opening, *changed}),
            stuck=self._model.stuck - removed - set(changed),
            labels=self._readable_labels(contents.labels),
            examined=True,
        )
        for number in changed:
            self._opening[number] = asyncio.create_task(self._open(number))

    def _has_changed(self, number: int, contents: Contents) -> bool:
        """Return whether to open a version now; one that is being opened is finished first."""
        busy = number in self._opening and number not in self._model.stuck
        return not busy and contents.signatures[number] != self._seen.get(number)

    def _readable_labels(self, labels: Labels) -> Mapping[str, int]:
        """Return the new labels; an unreadable file leaves them unchanged."""
        unreadable = isinstance(labels, ModelError)
        self._log_change("labels", f"labels not updated: {labels}" if unreadable else None)
        return self._model.labels if isinstance(labels, ModelError) else labels

    async def _open(self, number: int) -> None:
        """Open a version and add it to the model; a rejected one leaves the others in service."""
        folder = self._folder.version(number)

        def on_late(late: bool) -> None:
            if late:
                self._turns.be_late(folder)
            self._report_stuck(late, number)

        try:
            # In parallel, versions would be measured wrongly and need more memory.
            await self._turns.take(folder)
            version = await call_in_thread(
                self._limits.load_seconds,
                on_late,
                open_version,
                folder,
                self._folder.name,
                self._limits,
                self._public_key,
                self._windows,
            )
        except Exception as error:  # noqa: BLE001  (the other versions are not affected)
            del self._opening[number]
            self._rejected(number, error)
        else:
            del self._opening[number]
            self._opened(number, version)
        finally:
            self._turns.end(folder)

    def _opened(self, number: int, version: Version) -> None:
        _log.info("version ready", extra=self._fields(number))
        rejected = {n: reason for n, reason in self._model.rejected.items() if n != number}
        ready = {**self._model.ready, number: version}
        self._set(ready=ready, rejected=rejected, loading=self._model.loading - {number})

    def _rejected(self, number: int, error: Exception) -> None:
        kept = _KEPT if number in self._model.ready else ""
        _log.error("version rejected: %s%s", error, kept, extra=self._fields(number))
        text = str(error).replace(f"{self._folder.path}/", f"{self._folder.name}/")
        reason = _as_utf8(text) + kept
        rejected = {**self._model.rejected, number: reason}
        self._set(rejected=rejected, loading=self._model.loading - {number})

    def _report_stuck(self, stuck: bool, number: int | None = None) -> None:
        """Report that a version, or the folder itself, is stuck, or not any longer."""
        if stuck:
            _log.warning("stuck: %s", STUCK, extra=self._fields(number))
            self._set(stuck=self._model.stuck | {number})
        else:
            _log.info("no longer stuck", extra=self._fields(number))
            self._set(stuck=self._model.stuck - {number})

    def _set(self, **changes: Any) -> None:
        """Change the model, and log which labels do not lead to their versions."""
        model = replace(self._model, **changes)
        if model == self._model:
            return
        self._model = model
        self._on_change(model)
        for label in [*model.labels] if model.settled else []:  # loading usually takes a second
            problem = model.label_problem(label)
            self._log_change(f"label {label}", problem and f"label {label}: {problem}")

    def _log_change(self, subject: str, text: str | None) -> None:
        """Log a warning about a subject only when its text changes, not every second."""
        if text is not None and self._logged.get(subject) != text:
            _log.warning("%s", text, extra=self._fields(None))
        self._logged[subject] = text

    def _fields(self, number: int | None) -> dict[str, Any]:
        """Return the fields of a log line."""
        return {"model": self._folder.name, "version": number}


def _end(waiting: list[asyncio.Future[None]]) -> None:
    for each in waiting:
        if not each.done():  # canceled
            each.set_result(None)


def _as_utf8(text: str) -> str:
    """Return a text for clients, as file names may contain bytes that are not UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()
