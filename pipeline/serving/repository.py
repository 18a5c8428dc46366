"""Following ``exported/``: what is new is opened beside what serves, then takes its place."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.publishing.published import MANIFEST, read_labels, versions_of
from pipeline.serving.catalogue import Catalogue, Model
from pipeline.serving.settings import Settings
from pipeline.serving.versions import open_version

_log = logging.getLogger(__name__)

Signature = tuple[tuple[str, int, int], ...]


class Repository:
    """The published models that are served; ``refresh`` is called again and again."""

    def __init__(self, settings: Settings) -> None:
        """Where no folders are named, all of ``exported`` is served, now and later."""
        self._exported, self._folders = settings.exported, settings.folders
        self._most_images = settings.limits.batch_images
        self._seen: dict[Path, Signature] = {}
        self.catalogue = Catalogue()

    def refresh(self) -> Iterator[Catalogue]:
        """Yield the catalogue after each change of what lies on the disk."""
        found = self._find()
        present = {folder for folders in found.values() for folder in folders}
        self._seen = {at: signature for at, signature in self._seen.items() if at in present}
        for name in set(self.catalogue.models) - set(found):
            _log.info("model removed", extra={"model": name})
            yield self._without(name)
        for name, folders in found.items():
            for model in self._refreshed(name, folders):
                yield self._with(model)
        if not self.catalogue.complete:
            self.catalogue = replace(self.catalogue, complete=True)
            yield self.catalogue

    def _find(self) -> dict[str, list[Path]]:
        """Return the folders of all versions by name of the model."""
        found: dict[str, list[Path]] = {}
        for folder in self._folders or self._models():
            if _is_version(folder):
                found.setdefault(folder.absolute().parent.name, []).append(folder)
                continue
            versions = [folder / str(number) for number in versions_of(folder)]
            if versions:
                newest_first = reversed(versions)
                found.setdefault(folder.absolute().name, []).extend(newest_first)
        return found

    def _models(self) -> list[Path]:
        if not self._exported.is_dir():
            return []
        return sorted(p for p in self._exported.iterdir() if p.is_dir() and p.name[0] != ".")

    def _refreshed(self, name: str, folders: list[Path]) -> Iterator[Model]:
        before = self.catalogue.models.get(name, Model(name))
        model = _labelled(_kept(before, folders), folders[0].parent)
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

    def _opened(self, model: Model, folder: Path) -> Model:
        """Open a version and put it in place; where it is refused, what serves goes on."""
        number = int(folder.name)
        labels = {"model": model.name, "version": number}
        loading = model.loading - {number}
        try:
            version = open_version(folder, model.name, self._most_images)
        except Exception as error:  # noqa: BLE001  (whatever lies there, the others are served)
            _log.error("version refused: %s", error, extra=labels)
            reason = str(error).replace(f"{folder.parent}/", f"{model.name}/")  # clients see it
            return replace(model, loading=loading, refused={**model.refused, number: reason})
        _log.info("version ready", extra=labels)
        refused = {n: reason for n, reason in model.refused.items() if n != number}
        return replace(
            model, loading=loading, ready={**model.ready, number: version}, refused=refused
        )

    def _with(self, model: Model) -> Catalogue:
        models = {**self.catalogue.models, model.name: model}
        self.catalogue = replace(self.catalogue, models=models)
        return self.catalogue

    def _without(self, name: str) -> Catalogue:
        models = {key: model for key, model in self.catalogue.models.items() if key != name}
        self.catalogue = replace(self.catalogue, models=models)
        return self.catalogue


def _is_version(folder: Path) -> bool:
    return (folder / MANIFEST).is_file() or folder.name.isdecimal()


def _signature(folder: Path) -> Signature:
    """Return what changes when a file does: names, sizes in bytes, times in nanoseconds."""
    try:
        files = [(path, path.lstat()) for path in sorted(folder.rglob("*"))]
    except OSError:  # a file went while we looked: look again next time
        return ()
    return tuple((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in files)


def _kept(model: Model, folders: list[Path]) -> Model:
    """Drop versions whose folders are gone."""
    numbers = {int(folder.name) for folder in folders}
    for number in sorted(set(model.ready) - numbers):
        _log.info("version removed", extra={"model": model.name, "version": number})
    return replace(
        model,
        ready={n: version for n, version in model.ready.items() if n in numbers},
        refused={n: reason for n, reason in model.refused.items() if n in numbers},
    )


def _labelled(model: Model, folder: Path) -> Model:
    """Take labels as they are now; a broken file leaves them as they were."""
    try:
        return replace(model, labels=read_labels(folder))
    except PipelineError as error:
        _log.error("labels not read: %s", error, extra={"model": model.name})
        return model
