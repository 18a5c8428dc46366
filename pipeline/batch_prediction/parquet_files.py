"""Parquet files of images: their schemas are checked before anything is predicted."""

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.batch_prediction.sources import IMAGE, Part, Rows, Source
from pipeline.errors import DataFileError, did_you_mean, one_line
from pipeline.system.regular_files import open_regular

_MAX_SHOWN = 10  # columns in a message


def parquet_source(
    files: Sequence[str], image_shape: tuple[int, ...], keep: Sequence[str], part_images: int
) -> Source:
    """Return the rows of Parquet files whose column ``image`` has raw pixels of this shape.

    Raises:
        DataFileError: a file cannot be read, or lacks a column of the right type.
    """
    import pyarrow as pa

    parts: list[Part] = []
    identity: dict[str, str] = {}
    kept: dict[str, object] = {}
    for file in files:
        status, metadata, schema = _opened(file)
        _require_images(file, schema, image_shape)
        for name in keep:
            found = _kept_type(file, schema, name, pa)
            if kept.setdefault(name, found) != found:
                raise DataFileError(
                    f"The column {name!r} must have the same type in all files; got {found} in "
                    f"{file} and {kept[name]} in {files[0]}. Convert it to one type, or remove it "
                    "from --keep."
                )
        identity[file] = f"{status.st_size} bytes, modified {status.st_mtime_ns}"
        sizes = [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]
        for first, count, group, groups, skip in _divided(sizes, part_images):
            rows = Rows(file, status.st_size, status.st_mtime_ns, first, group, groups, skip)
            parts.append(Part(len(parts), count, rows))
    if not parts:
        raise DataFileError(f"There are no images in {', '.join(files)}: no file has a row.")
    return Source(tuple(parts), identity, kept)


def _opened(file: str) -> tuple[os.stat_result, Any, Any]:
    """Return the state, the metadata and the schema of a file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with open_regular(Path(file)) as opened:
            parquet = pq.ParquetFile(opened)
            return os.fstat(opened.fileno()), parquet.metadata, parquet.schema_arrow
    except OSError as error:
        raise _unreadable(file, error.strerror or one_line(error)) from error
    except pa.ArrowException as error:
        raise _unreadable(file, one_line(error).rstrip(".")) from error


def _unreadable(file: str, reason: str) -> DataFileError:
    return DataFileError(
        f"Cannot read {file} as Parquet: {reason}. The input must be Parquet files with a column "
        f"{IMAGE!r}, or one folder of pictures."
    )


def _require_images(file: str, schema: Any, image_shape: tuple[int, ...]) -> None:
    import pyarrow.types as kinds

    kind = _type_of(file, schema, IMAGE)
    lists = kinds.is_list(kind) or kinds.is_large_list(kind) or kinds.is_fixed_size_list(kind)
    binary = kinds.is_binary(kind) or kinds.is_large_binary(kind)
    is_fixed = kinds.is_fixed_size_binary(kind)
    pixels = math.prod(image_shape)
    if (lists and kinds.is_uint8(kind.value_type)) or binary or is_fixed:
        size = kind.list_size if kinds.is_fixed_size_list(kind) else None
        size = kind.byte_width if is_fixed else size
        if size in (None, pixels):
            return
    shape = " x ".join(map(str, image_shape))
    raise DataFileError(
        f"The column {IMAGE!r} must have lists of {pixels} uint8 pixels ({shape}), or binary "
        f"values of {pixels} bytes; got {kind} in {file}. Write raw pixels, 0 to 255, row by row: "
        "scaling is part of the model."
    )


def _kept_type(file: str, schema: Any, name: str, pa: Any) -> object:
    kind = _type_of(file, schema, name)
    if pa.types.is_nested(kind) or pa.types.is_dictionary(kind):
        raise DataFileError(
            f"The column {name!r} must have single values, such as numbers, texts or times, to be "
            f"kept; got {kind} in {file}. Join it to the output by file and row instead."
        )
    return kind


def _type_of(file: str, schema: Any, name: str) -> Any:
    indices = schema.get_all_field_indices(name)
    if len(indices) == 1:
        return schema.field(indices[0]).type
    names = list(dict.fromkeys(schema.names))
    listed = ", ".join(names[:_MAX_SHOWN]) + (", ..." if names[_MAX_SHOWN:] else "")
    if indices:
        raise DataFileError(f"{file} has more than one column {name!r}. Rename all but one.")
    raise DataFileError(
        f"{file} has no column {name!r}. {did_you_mean(name, names)}Its columns are "
        f"{listed or 'none'}."
    )


def _divided(sizes: list[int], part_images: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield first row, count, first group, number of groups and rows to skip of each part.

    A part has several whole row groups if they are small, or a piece of one: reading the rows
    inside a group means decoding those before them.
    """
    first = group = 0
    while group < len(sizes):
        size, groups = sizes[group], 1
        while group + groups < len(sizes) and size + sizes[group + groups] <= part_images:
            size += sizes[group + groups]
            groups += 1
        for skip in range(0, size, part_images):
            yield first + skip, min(part_images, size - skip), group, groups, skip
        first += size
        group += groups
