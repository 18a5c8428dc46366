"""Following ``exported/``: each model is watched on its own, so that none can delay another."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pipeline.config.model_names import is_reserved
from pipeline.errors import sentence
from pipeline.serving.catalog import Catalog
from pipeline.serving.model import STUCK, Model
from pipeline.serving.model_folder import ModelFolder, find_model_folders, reserved_name
from pipeline.serving.model_watcher import REFRESH_SECONDS, ModelWatcher
from pipeline.serving.settings import Settings
from pipeline.serving.turns import Turns, call_in_thread

_log = logging.getLogger(__name__)


class Watcher:
    """Keeps a catalog of the published models up to date."""

    def __init__(self, settings: Settings, on_change: Callable[[Catalog], None]) -> None:
        """Watch the folders of the settings or, without any, all models in ``exported``.

        ``on_change`` gets the catalog after each change; ``complete`` is set once it is complete.
        """
        self._settings, self._on_change = settings, on_change
        self._catalog = Catalog()
        self._watching: dict[str, asyncio.Task[None]] = {}
        self._watchers: dict[str, ModelWatcher] = {}
        self._unloaded: set[str] = set()
        self._following = asyncio.Lock()
        self._turns = Turns()
        self._logged: str | None = None
        self._refused: set[str] = set()
        self.complete = asyncio.Event()

    async def watch(self) -> None:
        """Look for models every second until canceled."""
        try:
            while True:
                try:
                    await self._look()
                except Exception:  # noqa: BLE001  (keep serving)
                    _log.exception("cannot follow %s", self._settings.exported)
                self._set(listed=True)
                await asyncio.sleep(REFRESH_SECONDS)
        finally:
            for watching in self._watching.values():
                watching.cancel()

    async def load(self, name: str) -> None:
        """Look for versions of a model now, also of one that was unloaded.

        It returns when they are ready, rejected or late.
        """
        self._unloaded.discard(name)
        await self._look()
        if name in self._watchers:
            await self._watchers[name].look_now()

    def unload(self, name: str) -> None:
        """Stop serving a model until it is loaded again; requests in progress are completed."""
        self._unloaded.add(name)
        if name in self._watching:
            self._stop_watching(name)
        if name in self._catalog.models:
            self._replace(Model(name, examined=True, unloaded=True))

    async def _look(self) -> None:
        async with self._following:  # what was found earlier must not replace what was found later
            folders = self._settings.folders or await self._find()
            if folders is not None:
                self._follow(folders)

    async def _find(self) -> Sequence[ModelFolder] | None:
        """Return the folders of all models, or None if they cannot be read."""
        exported, seconds = self._settings.exported, self._settings.limits.load_seconds
        try:
            found = await call_in_thread(seconds, self._report_stuck, find_model_folders, exported)
        except (FileNotFoundError, NotADirectoryError):
            self._warn_once(f"{exported} does not exist yet")
            return []
        except Exception as error:  # noqa: BLE001  (keep serving)
            self._warn_once(f"cannot read {exported}: {sentence(error)}")
            return None
        self._logged = None
        return [folder for folder in found if not self._is_refused(folder.name)]

    def _is_refused(self, name: str) -> bool:
        """Return whether a model cannot be served by its name; a warning is logged once."""
        refused = is_reserved(name)
        if refused and name not in self._refused:
            self._refused.add(name)
            _log.warning("not served: %s", reserved_name(name), extra={"model": name})
        return refused

    def _follow(self, folders: Sequence[ModelFolder]) -> None:
        """Watch new models, and stop watching those that were removed."""
        names = {folder.name for folder in folders}
        for name in {*self._watching, *self._catalog.models} - names:
            if name in self._watching:
                self._stop_watching(name)
            self._replace(Model(name, examined=True))
        for folder in folders:
            if folder.name in self._unloaded:
                self._replace(Model(folder.name, examined=True, unloaded=True))
            elif folder.name not in self._watching:
                self._replace(Model(folder.name))
                watcher = ModelWatcher(folder, self._settings, self._turns, self._changed)
                self._watchers[folder.name] = watcher
                self._watching[folder.name] = asyncio.create_task(watcher.watch())

    def _stop_watching(self, name: str) -> None:
        self._watching.pop(name).cancel()
        del self._watchers[name]

    def _changed(self, model: Model) -> None:
        if model.name in self._watching:  # not what ended while its model was unloaded
            self._replace(model)

    def _replace(self, model: Model) -> None:
        """Replace a model in the catalog; one without versions is removed."""
        models = {**self._catalog.models, model.name: model}
        if model.examined and not model.numbers and not model.unloaded:
            before = self._catalog.models.get(model.name)
            if before is not None and before.numbers:
                _log.info("model removed", extra={"model": model.name})
            del models[model.name]
        if model.unloaded and not self._catalog.models.get(model.name, model).unloaded:
            _log.info("model unloaded", extra={"model": model.name})
        self._set(models=models)

    def _report_stuck(self, stuck: bool) -> None:
        if stuck:
            _log.warning("%s is stuck: %s", self._settings.exported, STUCK)
        else:
            _log.info("%s is no longer stuck", self._settings.exported)
        self._set(stuck=stuck)

    def _set(self, **changes: Any) -> None:
        catalog = replace(self._catalog, **changes)
        if catalog.settled:
            catalog = replace(catalog, complete=True)
            self.complete.set()
        if catalog != self._catalog:
            self._catalog = catalog
            self._on_change(catalog)

    def _warn_once(self, text: str) -> None:
        """Log a warning only when its text changes, not every second."""
        if self._logged != text:
            self._logged = text
            _log.warning("%s", text)
