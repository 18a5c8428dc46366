"""The pictures of a folder: one folder for each class, or splits with these.

The two layouts are those of ``tensorflow_datasets.ImageFolder`` (with splits) and of
``keras.utils.image_dataset_from_directory`` (without).
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from pipeline.config.key_errors import InvalidValue
from pipeline.errors import DataFileError

_SPLITS = {
    "train": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
}
# The second line is of formats that are not accepted: they are pictures, and not left out.
_SUFFIXES = {".png", ".jpg", ".jpeg", ".jfif", ".webp", ".gif", ".bmp", ".tif", ".tiff"} | {
    *(".heic", ".heif", ".avif", ".jxl", ".jp2", ".pgm", ".ppm"),
}
_HIDDEN = {"Thumbs.db", "desktop.ini", "__MACOSX"}  # and names that begin with a dot
_SHOWN = 5  # names in a message


@dataclass(frozen=True)
class Picture:
    """A picture: its path below the folder, its class, and its split, if the folder has splits."""

    path: str
    class_name: str
    split: str | None


@dataclass(frozen=True)
class Index:
    """The pictures of a folder in the order of their paths, and the paths of all other files."""

    root: Path
    pictures: tuple[Picture, ...]
    others: tuple[str, ...]

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the class folders, sorted."""
        return tuple(sorted({picture.class_name for picture in self.pictures}))

    @property
    def splits(self) -> frozenset[str]:
        """The splits that the folder has: train, validation, test, or none."""
        return frozenset(picture.split for picture in self.pictures if picture.split)


def index_folder(root: Path) -> Index:
    """Return the pictures of a folder; hidden files are ignored.

    Raises:
        InvalidValue: the folder does not exist, or its pictures are not in class folders.
        DataFileError: a folder cannot be read.
    """
    if not root.is_dir():
        raise _invalid(f"The folder {root} does not exist", "Create it, or correct the path.")
    folders, splits = _folders(root), _split_folders(root)
    found: list[Picture] = []
    others: list[str] = []
    for path in _files(root, linked=2 if splits else 1):
        parts = path.split("/")
        if PurePath(path).suffix.lower() not in _SUFFIXES:
            others.append(path)
            continue
        if len(parts) < (3 if splits else 2):
            raise _not_in_class_folder(root, path, splits)
        split = _SPLITS.get(parts[0]) if splits else None
        found.append(Picture(path, parts[1] if splits else parts[0], split))
    index = Index(root, tuple(found), tuple(others))
    _require_splits(root, folders, splits)
    _require_classes(index, splits)
    return index


def classes_of_pictures(root: Path) -> list[tuple[str, str | None]]:
    """Return the paths of all pictures below a folder, sorted, each with the name of its class.

    The classes are those of ``index_folder``, None for a picture outside of a class folder. Hidden
    files are ignored.

    Raises:
        DataFileError: a folder cannot be read.
    """
    level = 1 if _split_folders(root) else 0
    paths = [p for p in _files(root, linked=2) if PurePath(p).suffix.lower() in _SUFFIXES]
    folders = [path.split("/")[:-1] for path in paths]
    return [
        (path, parts[level] if len(parts) > level else None)
        for path, parts in zip(paths, folders, strict=True)
    ]


def _files(folder: Path, *, linked: int) -> Iterator[str]:
    """Yield the paths of all files that are not hidden, sorted.

    Folders may be links down to a depth of ``linked``; below, these may form a loop.
    """
    for entry in sorted(_entries(folder), key=lambda entry: entry.name):
        if not entry.is_dir(follow_symlinks=linked > 0):
            yield entry.name
            continue
        for inner in _files(Path(entry.path), linked=linked - 1):
            yield f"{entry.name}/{inner}"


def _entries(folder: Path) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            return [e for e in entries if not e.name.startswith(".") and e.name not in _HIDDEN]
    except OSError as error:
        raise DataFileError(
            f"Cannot read the folder {folder}: {error.strerror}. Correct its permissions, or "
            "remove it, and run again."
        ) from error


def _folders(root: Path) -> list[str]:
    return sorted(entry.name for entry in _entries(root) if entry.is_dir())


def _split_folders(root: Path) -> list[str]:
    return [name for name in _folders(root) if name in _SPLITS and _holds_classes(root / name)]


def _holds_classes(folder: Path) -> bool:
    """Return whether a folder contains folders and no pictures; train may also be a class."""
    pictures = (Path(entry.name).suffix.lower() in _SUFFIXES for entry in _entries(folder))
    return bool(_folders(folder)) and not any(pictures)


def _require_splits(root: Path, folders: list[str], splits: list[str]) -> None:
    if not splits:
        return
    unknown = [folder for folder in folders if folder not in splits]
    named = [_SPLITS[split] for split in splits]
    if unknown or "train" not in named or len(set(named)) < len(named):
        raise _invalid(
            "A folder with splits must contain train, and may contain validation (or val) and "
            f"test, each with the class folders; got {_listed(folders)} in {root}",
            "Rename or move the folders.",
        )


def _require_classes(index: Index, splits: list[str]) -> None:
    """Check that there are two classes, each with training pictures."""
    root = index.root
    trained = root / "train" if splits else root
    expected = _folders(trained)
    names = {p.class_name for p in index.pictures if p.split in {None, "train"}}
    empty = [name for name in expected if name not in names]
    untrained = [p for p in index.pictures if p.class_name not in names]
    if empty:
        raise _invalid(
            f"Every class folder must contain pictures; got none in {trained / empty[0]}",
            "Add pictures, or remove the folder.",
        )
    if untrained:
        raise _invalid(
            f"Every class must have training pictures; got {untrained[0].path!r}, but no pictures "
            f"of {untrained[0].class_name!r} in {trained}",
            "Add training pictures of this class, or remove its folder.",
        )
    if len(names) < 2:  # noqa: PLR2004
        found = f"only {_listed(expected)}" if expected else "no folders"
        raise _invalid(
            f"The folder {trained} must contain a folder with pictures for each of at least two "
            f"classes; got {found}",
            "The names of the folders become the names of the classes.",
        )
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise _invalid(
                f"The names of classes must be valid Unicode; got the folder {name!r}",
                "Rename the folder.",
            ) from error


def _not_in_class_folder(root: Path, path: str, splits: list[str]) -> InvalidValue:
    folder, _, name = path.rpartition("/")
    place = f"{folder}/CLASS/{name}" if folder and splits else f"CLASS/{name}"
    return _invalid(
        f"Every picture must be in the folder of its class; got {path!r} in {root}",
        f"Move it to {place}, where CLASS is the name of its class.",
    )


def _invalid(problem: str, advice: str) -> InvalidValue:
    return InvalidValue("data.path", problem, advice)


def _listed(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:_SHOWN]))
    return f"{shown}, ..." if len(names) > _SHOWN else shown
