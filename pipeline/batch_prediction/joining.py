"""Joining the parts into the output, a few at a time."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.batch_prediction.part_files import read_part
from pipeline.batch_prediction.sources import Part
from pipeline.errors import StorageError, one_line
from pipeline.system.atomic import explain_storage_errors, move_file, temporary_path

_GROUP_ROWS = 2**16  # of a row group of the output, at least
_NUM_SHOWN = 5


@dataclass(frozen=True)
class BadImage:
    """An image that could not be read: its file, its row in a Parquet file, and why."""

    file: str
    row: int | None
    error: str


@dataclass
class Counts:
    """The number of rows, of images that could not be read, and of unsure answers.

    ``first_bad`` are the first images that could not be read.
    """

    images: int = 0
    bad: int = 0
    unsure: int = 0
    first_bad: list[BadImage] = field(default_factory=list)

    def add(self, table: Any) -> None:
        """Count the rows of a table of answers."""
        import pyarrow.compute as pc

        self.images += table.num_rows
        self.unsure += pc.sum(table["unsure"]).as_py() or 0
        errors = table.num_rows - table["error"].null_count
        self.bad += errors
        if errors and len(self.first_bad) < _NUM_SHOWN:
            bad = table.filter(pc.is_valid(table["error"]))
            for row in bad.slice(0, _NUM_SHOWN - len(self.first_bad)).to_pylist():
                self.first_bad.append(BadImage(row["file"], row.get("row"), row["error"]))


def join(folder: Path, parts: Sequence[Part], schema: Any, output: Path) -> Counts:
    """Write the rows of all parts, in order, into one file, which appears when it is complete.

    Raises:
        StorageError: the output cannot be written, or a part was altered.
    """
    import pyarrow as pa

    counts, temporary = Counts(), temporary_path(output)
    try:
        with explain_storage_errors(output, setting="--output"):
            with _writer(temporary, schema) as writer:
                for table in _groups(folder, parts):
                    counts.add(table)
                    writer.write_table(table.cast(schema))
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            move_file(temporary, output)
    except (pa.ArrowException, FileNotFoundError) as error:
        raise StorageError(
            f"Cannot join the parts in {folder}: {one_line(error)}. Run the same command again: "
            "damaged parts are predicted again."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return counts


def _writer(path: Path, schema: Any) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Texts repeat; looking for equal numbers would take most of the time.
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    return pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=texts)


def _groups(folder: Path, parts: Sequence[Part]) -> Iterator[Any]:
    """Yield tables of consecutive parts, large enough for a row group."""
    import pyarrow as pa

    tables: list[Any] = []
    for part in parts:
        tables.append(read_part(folder, part.number))
        if sum(table.num_rows for table in tables) >= _GROUP_ROWS or part is parts[-1]:
            yield pa.concat_tables(tables)
            tables = []
