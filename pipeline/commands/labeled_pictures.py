"""Labeled pictures: a folder for each class, or a CSV file with their names and labels."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.data.folder_index import classes_of_pictures
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
    """Return the pictures below a folder, which has the layout of a data set."""
    found = classes_of_pictures(folder)
    if not found:
        raise DataFileError(
            f"There are no pictures in {folder}. Make a folder for each class, with its pictures."
        )
    labeled = [LabeledPicture(folder / path, path, label) for path, label in found if label]
    if len(labeled) < len(found):
        path = next(path for path, label in found if not label)
        parent, _, name = path.rpartition("/")
        place = f"{parent}/CLASS/{name}" if parent else f"CLASS/{name}"
        raise DataFileError(
            f"Every picture must be in the folder of its class; got {path!r} in {folder}. Move it "
            f"to {place}, where CLASS is the name of its class."
        )
    return labeled


def _in_csv(path: Path) -> list[LabeledPicture]:
    try:
        if path.stat().st_size > _MAX_CSV_BYTES:
            raise DataFileError(f"{path} must have at most {_MAX_CSV_BYTES:,} bytes. Split it.")
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(_rows(path, csv.DictReader(file, strict=True)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataFileError(
            f"Cannot read {path} as CSV: {error}. Save it as CSV in UTF-8."
        ) from error


def _rows(path: Path, reader: "csv.DictReader[str]") -> Iterator[LabeledPicture]:
    columns = list(reader.fieldnames or [])
    if not {_FILE, _LABEL} <= set(columns):
        raise DataFileError(
            f"{path} must begin with a line that names the columns {_FILE} and {_LABEL}; got "
            f"{', '.join(columns) or 'an empty file'}."
        )
    if columns.count(_FILE) > 1 or columns.count(_LABEL) > 1:
        raise DataFileError(
            f"{path} must name the columns {_FILE} and {_LABEL} once; got {', '.join(columns)}."
        )
    is_empty = True
    for row in reader:
        name, label, is_empty = row[_FILE], row[_LABEL], False
        if not name or label is None or "\0" in name:
            missing = _LABEL if name and label is None else f"valid {_FILE}"
            raise DataFileError(
                f"Line {reader.line_num} of {path} has no {missing}. Correct or remove the line."
            )
        yield LabeledPicture(path.parent / name, name, label.strip())
    if is_empty:
        raise DataFileError(f"{path} lists no pictures. Add a line for each.")
