"""Sampled predictions as rows of a table, and the table as Parquet."""

import hashlib
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from pipeline.runtimes.predictor import Images
from pipeline.serving.traffic.choice import Chosen
from pipeline.serving.versions import Version
from pipeline.tasks.answers import describe_answers
from pipeline.tasks.task import Predictions

Row = dict[str, Any]
_ROW_BYTES = 400  # of a row without its arrays, about


class Sample(NamedTuple):
    """A sampled request with its images, uint8 (n, *image_shape), and predictions, (n, units)."""

    time: datetime
    request_id: str | None
    trace_id: str | None
    chosen: Chosen
    version: Version
    images: Images
    predictions: Predictions


def rows_of(sample: Sample, *, with_images: bool) -> Iterator[Row]:
    """Yield a row for each image; ``mean_intensity`` is from 0 to 1."""
    version, images = sample.version, sample.images
    shown = [version.task.describe(row, version.class_names) for row in sample.predictions]
    doubts = version.doubts.reasons(images, sample.predictions, shown)
    intensities = describe_answers(version.task, images, sample.predictions).intensity
    found = zip(images, shown, doubts, intensities, strict=True)
    for index, (image, each, doubt, intensity) in enumerate(found):
        row = {
            "time": sample.time,
            "request_id": sample.request_id,
            "trace_id": sample.trace_id,
            "model": version.model,
            "version": version.number,
            "chosen_by": sample.chosen.by,
            "label": sample.chosen.label,
            "image_index": index,
            "probabilities": None,
            "class_index": None,
            "class_name": each.label,
            "confidence": each.probability,
            "value": each.value,
            "unsure": doubt is not None,
            "mean_intensity": intensity,
            "input_sha256": hashlib.sha256(image.tobytes()).hexdigest(),
        }
        if each.label is not None:
            row["probabilities"] = np.array([*each.probabilities.values()], np.float32)
            row["class_index"] = version.class_names.index(each.label)
        if with_images:
            row |= {"image": image.tobytes(), "shape": list(image.shape)}
        yield row


def size_of(row: Row) -> int:
    """Return the memory that a row takes in bytes, about."""
    probabilities = row["probabilities"]
    size = 0 if probabilities is None else probabilities.nbytes
    return _ROW_BYTES + size + len(row.get("image", b""))


def as_parquet(rows: list[Row], *, with_images: bool) -> bytes:
    """Return the content of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet

    types = {
        "time": pa.timestamp("us", tz="UTC"),
        "request_id": pa.string(),
        "trace_id": pa.string(),
        "model": pa.string(),
        "version": pa.int32(),
        "chosen_by": pa.string(),
        "label": pa.string(),
        "image_index": pa.int32(),
        "probabilities": pa.list_(pa.float32()),
        "class_index": pa.int32(),
        "class_name": pa.string(),
        "confidence": pa.float32(),
        "value": pa.float32(),
        "unsure": pa.bool_(),
        "mean_intensity": pa.float32(),
        "input_sha256": pa.string(),
    }
    if with_images:
        types |= {"image": pa.binary(), "shape": pa.list_(pa.int32())}
    columns = {name: pa.array([row[name] for row in rows], kind) for name, kind in types.items()}
    file = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), file, compression="zstd")
    return file.getvalue()
