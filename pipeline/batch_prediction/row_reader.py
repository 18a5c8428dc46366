"""Reading rows of Parquet files in order, without decoding them twice."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.batch_prediction.sources import IMAGE, Part, Rows
from pipeline.errors import DataFileError, one_line
from pipeline.system.regular_files import open_regular

_NULL_IN_FIXED_SIZE = "Expected all lists to be of size="  # pyarrow's message for valid files
_BUFFER_BYTES = 2**20  # read at once from each column, instead of the whole row group


class RowReader:
    """Reads parts; one that follows on the previous one in a row group continues there."""

    def __init__(self, keep: Sequence[str], batch_rows: int) -> None:
        self._columns = [IMAGE, *keep]
        self._batch_rows = batch_rows
        self._rows: _OpenRows | None = None

    def close(self) -> None:
        """Close the file that was read last."""
        if self._rows is not None:
            self._rows.close()
            self._rows = None

    def batches(self, part: Part) -> Iterator[Any]:
        """Yield tables with the rows of a part, of at most so many rows each.

        Raises:
            DataFileError: the file has changed, or is damaged.
        """
        import pyarrow as pa

        rows, left = part.rows, part.count
        assert rows is not None, "the part has pictures"
        try:
            opened = self._opened_at(rows)
            while left:
                table = opened.take(min(left, self._batch_rows))
                left -= table.num_rows
                yield table
        except (OSError, EOFError, pa.ArrowException) as error:
            self.close()
            if _NULL_IN_FIXED_SIZE in str(error):
                raise DataFileError(
                    f"Cannot read {part}: pyarrow cannot read null rows in lists of a fixed size. "
                    f"Write the column {IMAGE!r} as lists of variable size, pa.list_(pa.uint8()), "
                    "or as binary values."
                ) from error
            raise DataFileError(
                f"Cannot read {part}: {one_line(error).rstrip('.')}. The file is damaged, or was "
                "changed: restore it, and run again."
            ) from error

    def _opened_at(self, rows: Rows) -> "_OpenRows":
        if self._rows is None or self._rows.position != (rows.file, rows.group, rows.skip):
            self.close()
            self._rows = _OpenRows(rows, self._columns, self._batch_rows)
            left = rows.skip
            while left:
                left -= self._rows.take(min(left, self._batch_rows)).num_rows
        return self._rows


class _OpenRows:
    """The rows of consecutive row groups from their beginning."""

    def __init__(self, rows: Rows, columns: list[str], batch_rows: int) -> None:
        import pyarrow.parquet as pq

        self._file = open_regular(Path(rows.file))
        status = os.fstat(self._file.fileno())
        if (status.st_size, status.st_mtime_ns) != (rows.size, rows.modified):
            self._file.close()
            raise EOFError("it is no longer the file that was checked")
        parquet = pq.ParquetFile(self._file, buffer_size=_BUFFER_BYTES, pre_buffer=False)
        self._batches = parquet.iter_batches(
            batch_rows,
            row_groups=range(rows.group, rows.group + rows.groups),
            columns=columns,
            use_threads=False,
        )
        self._place, self._taken = (rows.file, rows.group), 0
        self._rest: Any = None

    @property
    def position(self) -> tuple[str, int, int]:
        """The file, the row group, and the number of rows taken from there on."""
        return (*self._place, self._taken)

    def close(self) -> None:
        """Close the file."""
        self._batches.close()
        self._file.close()

    def take(self, count: int) -> Any:
        """Return the next rows as a table.

        Raises:
            EOFError: there are fewer.
        """
        import pyarrow as pa

        found, missing = [], count
        while missing:
            batch = self._rest if self._rest is not None else next(self._batches, None)
            if batch is None:
                raise EOFError("it has fewer rows than it declares")
            found.append(batch.slice(0, missing))
            self._rest = batch.slice(missing) if batch.num_rows > missing else None
            missing -= found[-1].num_rows
        self._taken += count
        return pa.Table.from_batches(found)
