"""Tables of answers: for arrays of images at once, and for pictures one by one."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.batch_prediction.columns import kept_names
from pipeline.batch_prediction.pixels import Pixels, pixels_of
from pipeline.batch_prediction.sources import IMAGE
from pipeline.commands.predict import Prediction, Reader
from pipeline.errors import ImageError
from pipeline.imaging.image_files import read_pictures
from pipeline.tasks.answers import describe_answers


def row_answers(reader: Reader, rows: Any, schema: Any, *, file: str, first: int) -> Any:
    """Return the answers to the images of a table, whose first row is row ``first`` of a file.

    Raises:
        ModelError: the model predicts infinity or NaN.
    """
    import pyarrow as pa

    count = rows.num_rows
    read = pixels_of(rows.column(IMAGE), reader.preprocessing.image_shape)
    keep = [name for name in rows.column_names if name != IMAGE]
    fields = set(schema.names)
    columns = {
        "file": pa.repeat(pa.scalar(_as_text(file)), count),
        "row": pa.array(np.arange(first, first + count)),
        **_spread(_answers(reader, read), count, read.errors),
        "error": _sparse(count, read.errors),
    }
    names = kept_names(keep, [name for name in columns if name in fields])
    columns |= {names[name]: rows.column(name) for name in keep}
    return pa.table([columns[name] for name in schema.names], schema=schema)


def picture_answers(reader: Reader, folder: str, names: Sequence[str], schema: Any) -> Any:
    """Return the answers to pictures, as ``pipeline predict`` gives them to each alone.

    Raises:
        ModelError: the model predicts infinity or NaN.
    """
    import pyarrow as pa

    rows = [_picture(reader, Path(folder, name), name) for name in names]
    return pa.Table.from_pylist(rows, schema)


def _answers(reader: Reader, read: Pixels) -> dict[str, Any]:
    """Return the columns of the answers to all images, (n, *image_shape)."""
    import pyarrow as pa

    images = read.images
    [output] = reader.predictor.contract.outputs
    units = int(output.shape[-1] or 1)
    predictions = reader.predictor.predict(images) if len(images) else np.zeros((0, units), "f4")
    if not np.isfinite(predictions).all():
        raise reader.not_finite()
    found = describe_answers(reader.task, images, predictions)
    reasons = reader.doubts.reasons_of_many(
        images,
        predictions,
        found.confidence,
        lambda row: reader.task.describe(row, reader.class_names),
    )
    unsure = np.zeros(len(images), bool)
    unsure[[*reasons]] = True
    doubts = {"unsure": pa.array(unsure), "reason": _sparse(len(images), reasons)}
    if found.confidence is None:
        return {"value": pa.array(found.answer), **doubts}
    if predictions.shape[1] == 1:  # the probability of the second of two classes
        predictions = np.concatenate([np.float32(1) - predictions, predictions], axis=1)
    offsets = np.arange(len(images) + 1, dtype=np.int32) * predictions.shape[1]
    return {
        "label": pa.array(reader.class_names, pa.string()).take(pa.array(found.answer)),
        "probability": pa.array(found.confidence),
        "probabilities": pa.ListArray.from_arrays(offsets, pa.array(predictions.ravel())),
        **doubts,
    }


def _spread(columns: dict[str, Any], count: int, errors: dict[int, str]) -> dict[str, Any]:
    """Put the answers into the rows without errors; the others have null."""
    import pyarrow as pa

    if not errors:
        return columns
    bad = np.zeros(count, bool)
    bad[[*errors]] = True
    places = pa.array(np.cumsum(~bad) - 1, mask=bad)
    return {name: column.take(places) for name, column in columns.items()}


def _sparse(count: int, texts: dict[int, str]) -> Any:
    """Return a column with a few texts, by their rows."""
    import pyarrow as pa

    if not texts:
        return pa.nulls(count, pa.string())
    return pa.array([texts.get(row) for row in range(count)], pa.string())


def _picture(reader: Reader, path: Path, name: str) -> dict[str, Any]:
    shown = {"file": _as_text(name)}
    try:
        pictures = read_pictures(path, reader.preprocessing)
    except ImageError as error:
        return shown | {"error": _as_text(str(error))}
    [found] = reader.describe(name, pictures)
    return {**vars(found), **shown, "probabilities": _in_order(found), "digits": _digits(found)}


def _in_order(found: Prediction) -> list[float] | None:
    return [*found.probabilities.values()] or None


def _digits(found: Prediction) -> list[dict[str, Any]] | None:
    if found.digits is None:
        return None
    sides = ("left", "top", "right", "bottom")
    return [{**vars(digit), **dict(zip(sides, digit.box, strict=True))} for digit in found.digits]


def _as_text(name: str) -> str:
    """Return a name, or a text with one, as Unicode: names of files may be any bytes."""
    return os.fsencode(name).decode(errors="replace")
