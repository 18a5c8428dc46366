"""A folder of pictures, in the order of their paths."""

import hashlib
import os
from pathlib import Path

from pipeline.batch_prediction.sources import Part, Source
from pipeline.data.folder_index import classes_of_pictures
from pipeline.errors import DataFileError


def folder_source(folder: str, part_images: int) -> Source:
    """Return all pictures below a folder, sorted by their paths; hidden files are ignored.

    Raises:
        DataFileError: there are none, or a folder cannot be read.
    """
    names = sorted(name for name, _ in classes_of_pictures(Path(folder)))
    if not names:
        raise DataFileError(
            f"There are no pictures in {folder}. The input must be a folder of pictures, or "
            "Parquet files."
        )
    chunks = [tuple(names[i : i + part_images]) for i in range(0, len(names), part_images)]
    parts = [
        Part(number, len(chunk), folder=folder, pictures=chunk)
        for number, chunk in enumerate(chunks)
    ]
    return Source(tuple(parts), {folder: _state(folder, names)})


def _state(folder: str, names: list[str]) -> str:
    """Return the number of pictures, and a hash of their names, sizes and times."""
    digest = hashlib.sha256()
    for name in names:
        try:
            status = Path(folder, name).stat()
            state = f"{status.st_size} {status.st_mtime_ns}"
        except OSError:  # a link that leads nowhere: it will be listed as unreadable
            state = "missing"
        digest.update(os.fsencode(f"{name}\0{state}\0"))
    return f"{len(names)} pictures, {digest.hexdigest()}"
