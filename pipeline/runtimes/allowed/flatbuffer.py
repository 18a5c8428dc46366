"""Read tables of a FlatBuffers file by their field numbers.

Source: FlatBuffers documentation, "FlatBuffer Internals". All reads are within the file.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_OFFSET = 4  # bytes
_FIRST_ENTRY = 4  # bytes into the list of fields, after its size and that of the table
_MAX_ITEMS = 1_000_000


@dataclass(frozen=True)
class Table:
    """A table at a position in a file."""

    file: bytes
    position: int

    @classmethod
    def root(cls, file: bytes) -> "Table":
        """Return the root table.

        Raises:
            ValueError: the file is too short.
        """
        return cls(file, _read("<I", file, 0))

    def number(self, field: int, kind: str, default: int = 0) -> int:
        """Return a number; ``kind`` is its format in ``struct``, such as ``<i``."""
        place = self._place(field)
        return default if place is None else _read(kind, self.file, place)

    def text(self, field: int) -> str:
        """Return a string, or an empty one."""
        place = self._place(field)
        if place is None:
            return ""
        start = place + _read("<I", self.file, place)
        size = _read("<I", self.file, start)
        return self.file[start + _OFFSET : start + _OFFSET + min(size, 200)].decode(
            errors="replace"
        )

    def tables(self, field: int) -> Iterator["Table"]:
        """Yield the tables in a vector."""
        place = self._place(field)
        if place is None:
            return
        start = place + _read("<I", self.file, place)
        count = _read("<I", self.file, start)
        if count > _MAX_ITEMS:
            raise ValueError(f"a list of {count:,} items at byte {start}")
        for item in range(start + _OFFSET, start + _OFFSET + count * _OFFSET, _OFFSET):
            yield Table(self.file, item + _read("<I", self.file, item))

    def has(self, field: int) -> bool:
        """Return whether a field is set."""
        return self._place(field) is not None

    def _place(self, field: int) -> int | None:
        fields = self.position - _read("<i", self.file, self.position)
        entry = _FIRST_ENTRY + 2 * field
        if entry >= _read("<H", self.file, fields):
            return None
        offset = _read("<H", self.file, fields + entry)
        return self.position + offset if offset else None


def _read(kind: str, file: bytes, place: int) -> int:
    if not 0 <= place <= len(file) - struct.calcsize(kind):
        raise ValueError(f"an offset leads to byte {place:,}, outside of the file")
    value: int
    [value] = struct.unpack_from(kind, file, place)
    return value
