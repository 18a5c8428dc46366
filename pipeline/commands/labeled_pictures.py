"""Labeled pictures: a folder for each class, or a CSV file with their names and labels."""

import csv
from dataclasses import dataclass
from pathlib import Path

from pipeline.data.folder_index import picture_paths
from pipeline.errors import DataFileError

_FILE, _LABEL = "file", "label"
NO_CLASS = ""  # the label of a picture that shows none of the classes
_MAX_CSV_BYTES = 64 * 2**20


@dataclass(frozen=True)
class LabeledPicture:
    """A picture and its label, as text; ``name`` is its path below the folder.

    An empty label, in a CSV file, is that of a picture which shows none of the classes.
    """

    path: Path
    name: str
    label: str


def labeled_pictures(source: Path) -> list[LabeledPicture]:
    """Return the pictures of class folders, or those that a CSV file lists beside it.

    Raises:
        DataFileError: the source does not exist, or contains no labeled pictures.
    """
    if source.is_dir():
        return _in_folder(source)
    if source.suffix.lower() == ".csv" and source.is_file():
        return _in_csv(source)
    state = "is neither" if source.exists() else "does not exist"
    raise DataFileError(
        f"Labeled pictures must be a folder with a folder for each class, or a .csv file; got "
        f"{source}, which {state}."
    )


def _in_folder(folder: Path) -> list[LabeledPicture]:
    """Return the pictures below a folder; the label of each is the name of the folder it is in."""
    paths = picture_paths(folder)
    if not paths:
        raise DataFileError(
            f"There are no pictures in {folder}. Make a folder for each class, with its pictures."
        )
    outside = next((path for path in paths if "/" not in path), None)
    if outside:
        raise DataFileError(
            f"Every picture must be in the folder of its class; got {outside!r} in {folder}. Move "
            f"it to CLASS/{outside}, where CLASS is the name of its class."
        )
    return [LabeledPicture(folder / path, path, path.split("/")[-2]) for path in paths]


def _in_csv(path: Path) -> list[LabeledPicture]:
    try:
        if path.stat().st_size > _MAX_CSV_BYTES:
            raise DataFileError(f"{path} must have at most {_MAX_CSV_BYTES:,} bytes. Divide it.")
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataFileError(f"Cannot read {path} as CSV: {error}. Save it as UTF-8.") from error
    columns = list(rows[0]) if rows else []
    if not {_FILE, _LABEL} <= set(columns):
        raise DataFileError(
            f"{path} must begin with a line that names the columns {_FILE} and {_LABEL}, and have "
            f"a line for each picture; got {', '.join(map(str, columns)) or 'no picture'}."
        )
    found = []
    for number, row in enumerate(rows, 2):
        name, label = row[_FILE], row[_LABEL]
        if not name or label is None:
            raise DataFileError(f"Line {number} of {path} has no {_LABEL if name else _FILE}.")
        found.append(LabeledPicture(path.parent / name, name, label.strip()))
    return found
