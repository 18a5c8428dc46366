"""Reading rows: in any order of the parts, across row groups, from the file that was checked."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.batch_prediction.parquet_files import parquet_source
from pipeline.batch_prediction.row_reader import RowReader
from pipeline.errors import DataFileError

SHAPE = (1, 2, 1)


def write(path: Path, count: int, group: int) -> Path:
    image = pa.array([bytes([number, number]) for number in range(count)])
    pq.write_table(pa.table({"image": image, "id": np.arange(count)}), path, row_group_size=group)
    return path


def divided(file: Path, part_images: int) -> list[tuple[int, int, int, int]]:
    parts = parquet_source([str(file)], SHAPE, (), part_images).parts
    assert [part.number for part in parts] == list(range(len(parts)))
    return [(p.rows.first, p.count, p.rows.group, p.rows.skip) for p in parts if p.rows]


def test_small_row_groups_are_read_together(tmp_path: Path) -> None:
    file = write(tmp_path / "x.parquet", 10, 3)
    assert divided(file, 6) == [(0, 6, 0, 0), (6, 4, 2, 0)]
    assert divided(file, 100) == [(0, 10, 0, 0)]


def test_large_row_groups_are_divided(tmp_path: Path) -> None:
    file = write(tmp_path / "x.parquet", 9, 5)
    assert divided(file, 2) == [
        *((0, 2, 0, 0), (2, 2, 0, 2), (4, 1, 0, 4)),
        *((5, 2, 1, 0), (7, 2, 1, 2)),
    ]


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 0, 2, 3, 1)])
@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_parts_have_their_rows_in_any_order(
    tmp_path: Path, order: tuple[int, ...], batch: int
) -> None:
    file = write(tmp_path / "x.parquet", 9, 5)
    parts = parquet_source([str(file)], SHAPE, ("id",), 2).parts
    found = {}
    with closing(RowReader(("id",), batch)) as reader:
        for number in order:
            tables = [*reader.batches(parts[number])]
            assert all(0 < table.num_rows <= batch for table in tables)
            found[number] = [row for table in tables for row in table["id"].to_pylist()]
    assert [found[number] for number in sorted(found)] == [[0, 1], [2, 3], [4], [5, 6], [7, 8]]


def test_file_that_changes_after_it_was_checked_is_not_read(tmp_path: Path) -> None:
    file = write(tmp_path / "x.parquet", 9, 5)
    [part] = parquet_source([str(file)], SHAPE, (), 100).parts
    write(file, 8, 5)
    with pytest.raises(DataFileError, match="no longer the file that was checked"):
        next(RowReader((), 100).batches(part))


def test_damaged_pages_are_named_by_their_rows(tmp_path: Path) -> None:
    file = write(tmp_path / "x.parquet", 200, 200)
    content = bytearray(file.read_bytes())
    content[4:400] = bytes(396)  # the first page
    file.write_bytes(content)
    [part] = parquet_source([str(file)], SHAPE, (), 1000).parts
    with pytest.raises(DataFileError) as caught:
        next(RowReader((), 100).batches(part))
    assert str(caught.value).startswith(f"Cannot read rows 0 to 199 of {file}: ")
    assert str(caught.value).endswith(
        "The file is damaged, or was changed: restore it, and run again."
    )


def test_null_rows_in_lists_of_a_fixed_size_are_explained(tmp_path: Path) -> None:
    image = pa.array([[1, 2], None, [3, 4]], pa.list_(pa.uint8(), 2))
    pq.write_table(pa.table({"image": image}), tmp_path / "x.parquet")
    [part] = parquet_source([str(tmp_path / "x.parquet")], SHAPE, (), 1000).parts
    with pytest.raises(DataFileError) as caught:
        next(RowReader((), 100).batches(part))
    assert str(caught.value) == (
        f"Cannot read {part}: pyarrow cannot read null rows in lists of a fixed size. Write the "
        "column 'image' as lists of variable size, pa.list_(pa.uint8()), or as binary values."
    )
