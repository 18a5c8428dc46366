"""Following ``exported/``: new versions are opened while the current ones continue to serve."""

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.publishing.published_folder import MANIFEST, read_labels, versions_of
from pipeline.serving.catalog import Catalog, Model
from pipeline.serving.settings import Settings
from pipeline.serving.versions import open_version

_log = logging.getLogger(__name__)

# Names that fit into a URL path; surrogates represent bytes that are not UTF-8.
_NAME = re.compile(r"[^/:\x00-\x1f\ud800-\udfff]{1,100}")
Signature = tuple[tuple[str, int, int], ...]


class Watcher:
    """Keeps a catalog of the published models up to date; ``refresh`` is called repeatedly."""

    def __init__(self, settings: Settings) -> None:
        """Watch the folders of the settings or, without any, all models in ``exported``."""
        self._exported, self._folders = settings.exported, settings.folders
        self._max_images = settings.limits.batch_images
        self._seen: dict[Path, Signature] = {}
        self._logged: dict[str, str] = {}
        self.catalog = Catalog()

    def refresh(self) -> Iterator[Catalog]:
        """Look at the disk and yield a catalog after each change."""
        found = self._find()
        present = {folder for folders in found.values() for folder in folders}
        self._seen = {at: signature for at, signature in self._seen.items() if at in present}
        for name in set(self.catalog.models) - set(found):
            _log.info("model removed", extra={"model": name})
            yield self._without(name)
        for name, folders in found.items():
            for model in self._refreshed(name, folders):
                yield self._with(model)
        if not self.catalog.complete:
            self.catalog = replace(self.catalog, complete=True)
            yield self.catalog

    def _find(self) -> dict[str, list[Path]]:
        """Return the folders of all versions by model name, newest first."""
        found: dict[str, list[Path]] = {}
        for folder in self._folders or self._children():
            try:
                if self._folders and _is_version(folder):
                    found.setdefault(folder.absolute().parent.name, []).append(folder)
                    continue
                versions = [folder / str(number) for number in reversed(versions_of(folder))]
            except OSError as error:  # other folders are not affected
                self._warn_once(str(folder), f"skipping {folder}: {error.strerror}")
                continue
            if versions:
                found.setdefault(folder.absolute().name, []).extend(versions)
        return found

    def _children(self) -> list[Path]:
        """Return the folders in ``exported`` whose names fit into a URL path."""
        if not self._exported.is_dir():
            self._warn_once(str(self._exported), f"{self._exported} does not exist yet")
            return []
        folders = [path for path in self._exported.iterdir() if path.name[0] != "."]
        return sorted(path for path in folders if _NAME.fullmatch(path.name))

    def _warn_once(self, subject: str, text: str) -> None:
        """Log a warning about a subject only when its text changes, not every second."""
        if self._logged.get(subject) != text:
            self._logged[subject] = text
            _log.warning("%s", text)

    def _refreshed(self, name: str, folders: list[Path]) -> Iterator[Model]:
        before = self.catalog.models.get(name, Model(name))
        model = self._with_labels(_without_removed(before, folders), folders[0].parent)
        changed = {
            folder: signature
            for folder in folders
            if (signature := _signature(folder)) != self._seen.get(folder)
        }
        if model != before or changed:
            model = replace(model, loading=frozenset(int(folder.name) for folder in changed))
            yield model
        for folder, signature in changed.items():
            self._seen[folder] = signature
            model = self._opened(model, folder)
            yield model

    def _with_labels(self, model: Model, folder: Path) -> Model:
        """Update the labels; an unreadable file leaves them unchanged."""
        try:
            labels = read_labels(folder)
        except PipelineError as error:
            self._warn_once(model.name, f"labels not updated: {error}")
            return model
        self._logged.pop(model.name, None)
        return replace(model, labels=labels)

    def _opened(self, model: Model, folder: Path) -> Model:
        """Open a version and add it to the model; a rejected one leaves the others in service."""
        number = int(folder.name)
        labels = {"model": model.name, "version": number}
        loading = model.loading - {number}
        try:
            version = open_version(folder, model.name, self._max_images)
        except Exception as error:  # noqa: BLE001  (a broken version must not affect the others)
            _log.error("version rejected: %s", error, extra=labels)
            reason = _as_utf8(str(error).replace(f"{folder.parent}/", f"{model.name}/"))
            return replace(model, loading=loading, rejected={**model.rejected, number: reason})
        _log.info("version ready", extra=labels)
        rejected = {n: reason for n, reason in model.rejected.items() if n != number}
        return replace(
            model, loading=loading, ready={**model.ready, number: version}, rejected=rejected
        )

    def _with(self, model: Model) -> Catalog:
        models = {**self.catalog.models, model.name: model}
        self.catalog = replace(self.catalog, models=models)
        return self.catalog

    def _without(self, name: str) -> Catalog:
        models = {key: model for key, model in self.catalog.models.items() if key != name}
        self.catalog = replace(self.catalog, models=models)
        return self.catalog


def _as_utf8(text: str) -> str:
    """Return a text for clients, as file names may contain bytes that are not UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


def _is_version(folder: Path) -> bool:
    return folder.name.isdecimal() and (folder / MANIFEST).is_file()


def _signature(folder: Path) -> Signature:
    """Return the names, sizes in bytes and modification times in nanoseconds of all files."""
    try:
        files = [(path, path.lstat()) for path in sorted(folder.rglob("*"))]
    except OSError:  # a file has just been removed; look again next time
        return ()
    return tuple((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in files)


def _without_removed(model: Model, folders: list[Path]) -> Model:
    """Remove the versions whose folders no longer exist."""
    numbers = {int(folder.name) for folder in folders}
    for number in sorted(set(model.ready) - numbers):
        _log.info("version removed", extra={"model": model.name, "version": number})
    return replace(
        model,
        ready={n: version for n, version in model.ready.items() if n in numbers},
        rejected={n: reason for n, reason in model.rejected.items() if n in numbers},
    )
