"""Manual files that differ from the pinned ones only in how they are compressed.

Debian's package ``dataset-fashion-mnist`` has other gzip headers, and torchvision leaves unpacked
files in ``raw/``. Their content is compared with that of the pinned files.
"""

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pipeline.errors import DataFileError
from pipeline.system.regular_files import open_regular

_BLOCK = 2**20
_LEVEL = 1  # the files are only read once


@dataclass(frozen=True)
class Unpacked:
    """The size in bytes and the SHA-256 of an unpacked file."""

    bytes: int
    sha256: str


_IMAGES, _LABELS = "images-idx3-ubyte.gz", "labels-idx1-ubyte.gz"
# Unpacked from files with the SHA-256 that TensorFlow Datasets pins.
_CONTENTS = {
    "mnist": {
        f"train-{_IMAGES}": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        f"train-{_LABELS}": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        f"t10k-{_IMAGES}": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        f"t10k-{_LABELS}": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion_mnist": {
        f"train-{_IMAGES}": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        f"train-{_LABELS}": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        f"t10k-{_IMAGES}": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        f"t10k-{_LABELS}": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
}
_NUM_BYTES = {  # header, then one byte for each pixel or label
    f"train-{_IMAGES}": 16 + 60_000 * 28 * 28,
    f"train-{_LABELS}": 8 + 60_000,
    f"t10k-{_IMAGES}": 16 + 10_000 * 28 * 28,
    f"t10k-{_LABELS}": 8 + 10_000,
}


def unpacked(data_set: str, name: str) -> Unpacked | None:
    """Return the content of a pinned ``.gz`` file of a data set, if it is known."""
    found = _CONTENTS.get(data_set.partition(":")[0], {}).get(name)
    return Unpacked(_NUM_BYTES[name], found) if found else None


def has_content(path: Path, wanted: Unpacked) -> bool:
    """Return whether a file, packed or not, has a content; no more than that is unpacked.

    Raises:
        DataFileError: the file cannot be read.
    """
    try:
        with open_regular(path) as file, _reader(file, path) as reader:
            digest, size = hashlib.sha256(), 0
            while size <= wanted.bytes and (block := reader.read(_BLOCK)):
                digest.update(block)
                size += len(block)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return False
    except OSError as error:
        raise DataFileError(
            f"Cannot read {path}: {error.strerror}. Correct its permissions, and run again."
        ) from error
    return size == wanted.bytes and digest.hexdigest() == wanted.sha256


def pack(path: Path, target: Path) -> None:
    """Write a file, packed or not, as the ``.gz`` file that TensorFlow Datasets reads."""
    with (
        open_regular(path) as file,
        _reader(file, path) as reader,
        gzip.open(target, "wb", _LEVEL) as packed,
    ):
        while block := reader.read(_BLOCK):
            packed.write(block)


def _reader(file: IO[bytes], path: Path) -> IO[bytes]:
    return gzip.open(file) if path.suffix == ".gz" else file  # type: ignore[return-value]
