"""The columns of the output."""

import importlib.util
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.commands.predict import Reader
from pipeline.errors import MissingExtra

_PREFIX = "input_"  # of a kept column that has the name of one below


def require_pyarrow() -> None:
    """Check that Parquet can be read and written.

    Raises:
        MissingExtra: pyarrow is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingExtra("Predicting into a Parquet file", "studies")


def kept_names(keep: Sequence[str], fields: Sequence[str]) -> dict[str, str]:
    """Return the name in the output of each column that it keeps.

    Prefixed until it differs from all others: ``label`` of the input becomes ``input_label``.
    """
    found: dict[str, str] = {}
    for name in keep:
        renamed = name
        while (
            renamed in fields or renamed in found.values() or (renamed != name and renamed in keep)
        ):
            renamed = _PREFIX + renamed
        found[name] = renamed
    return found


def output_schema(
    reader: Reader, kept_types: Mapping[str, object], metadata: Mapping[str, Any], *, has_rows: bool
) -> Any:
    """Return the schema of the output, with the columns of the input that it keeps."""
    import pyarrow as pa

    place = {"file": pa.string()} | ({"row": pa.int64()} if has_rows else {})
    answer = {**_answer(reader, pa), "unsure": pa.bool_(), "reason": pa.string()}
    if not has_rows and reader.preprocessing.finds_digits:
        answer["digits"] = pa.list_(_digit(reader, pa))
    answer["error"] = pa.string()
    names = kept_names([*kept_types], [*place, *answer])
    kept = {names[name]: kind for name, kind in kept_types.items()}
    texts = {key: v if isinstance(v, str) else json.dumps(v) for key, v in metadata.items()}
    return pa.schema([*(place | kept | answer).items()], texts)


def _answer(reader: Reader, pa: Any) -> dict[str, Any]:
    if reader.task.predicts_value:
        return {"value": pa.float32()}
    probabilities = pa.list_(pa.float32())  # in the order of class_names, in the metadata
    return {"label": pa.string(), "probability": pa.float32(), "probabilities": probabilities}


def _digit(reader: Reader, pa: Any) -> Any:
    """Return the type of a digit that was found in a picture, with its box in pixels."""
    answer = {name: kind for name, kind in _answer(reader, pa).items() if name != "probabilities"}
    box = dict.fromkeys(("left", "top", "right", "bottom"), pa.int32())
    return pa.struct([*(answer | box | {"unsure": pa.bool_()}).items()])
