"""The input: which files it consists of, and the parts that it is divided into."""

import json
from dataclasses import asdict, dataclass, field

IMAGE = "image"  # the column of Parquet files


@dataclass(frozen=True)
class Rows:
    """Consecutive rows of a Parquet file, from row ``first`` on, both counted from 0.

    They begin ``skip`` rows after the beginning of the row group ``group``, and end in one of the
    ``groups`` groups from there. ``size`` and ``modified`` are those of the file when it was
    checked, in bytes and nanoseconds.
    """

    file: str
    size: int
    modified: int
    first: int
    group: int
    groups: int
    skip: int


@dataclass(frozen=True)
class Part:
    """Images that are predicted and written together: rows, or the pictures of a folder."""

    number: int
    count: int
    rows: Rows | None = None
    folder: str = ""
    pictures: tuple[str, ...] = ()

    @property
    def continues(self) -> bool:
        """Whether reading it begins inside a row group, after the previous part."""
        return self.rows is not None and self.rows.skip > 0

    def __str__(self) -> str:
        """Return such as ``rows 0 to 16,383 of digits.parquet``."""
        if self.rows is None:
            return f"{self.pictures[0]} to {self.pictures[-1]} in {self.folder}"
        first = self.rows.first
        return f"rows {first:,} to {first + self.count - 1:,} of {self.rows.file}"

    def as_line(self) -> bytes:
        """Return one line of JSON; names of files may be any bytes, which orjson rejects."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "Part":
        """Return the part in a line of ``as_line``."""
        found = json.loads(line)
        rows = Rows(**found["rows"]) if found["rows"] else None
        return cls(**(found | {"rows": rows, "pictures": tuple(found["pictures"])}))


@dataclass(frozen=True)
class Source:
    """The input: its parts, in order, and ``identity``, what the answers depend on.

    ``identity`` has a value for each file or folder, which changes if the input does.
    ``kept_types`` are the types of the columns that the output keeps, as pyarrow has them.
    """

    parts: tuple[Part, ...] = field(repr=False)
    identity: dict[str, str]
    kept_types: dict[str, object] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """The number of images."""
        return sum(part.count for part in self.parts)

    @property
    def has_rows(self) -> bool:
        """Whether the images are rows of Parquet files."""
        return self.parts[0].rows is not None
