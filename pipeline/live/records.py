"""The files of events: their names, and their records (TFRecord) read without TensorFlow.

TensorFlow writes the records. TensorBoard's reader imports TensorFlow, which takes seconds.
"""

import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

TRAIN, VALIDATION = "train", "validation"
_PREFIX = "events.out.tfevents."  # TensorBoard reads files with "tfevents" in their names
_HEADER = struct.Struct("<QI")  # the length of the data, and its checksum
_FOOTER_BYTES = 4  # the checksum of the data


def new_path(folder: Path) -> Path:
    """Return the path of a new file that is newer than all others of the folder."""
    return folder / f"{_PREFIX}{time.time_ns()}"


def event_files(folder: Path) -> list[Path]:
    """Return the files of a folder, the newest last; it has all events of the training."""
    return sorted(folder.glob(f"{_PREFIX}*"))


def read_records(file: BinaryIO) -> Iterator[bytes]:
    """Yield the data of all complete records from the position of a file on.

    Afterwards, the position is behind the last complete record.
    """
    while True:
        position = file.tell()
        header = file.read(_HEADER.size)
        if len(header) == _HEADER.size:
            length, _ = _HEADER.unpack(header)
            rest = file.read(min(length + _FOOTER_BYTES, _MAX_BYTES))
            if len(rest) == length + _FOOTER_BYTES:
                yield rest[:length]
                continue
        file.seek(position)
        return


_MAX_BYTES = 2**28  # larger lengths are damage
