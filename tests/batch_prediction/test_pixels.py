"""Images in columns of every accepted type, and rows that have none."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline.batch_prediction.pixels import pixels_of

IMAGES = np.arange(24, dtype=np.uint8).reshape(4, 2, 3, 1)
ROWS = [image.ravel().tolist() for image in IMAGES]
LISTS = [pa.list_(pa.uint8(), 6), pa.list_(pa.uint8()), pa.large_list(pa.uint8())]
BINARY = [pa.binary(), pa.large_binary(), pa.binary(6)]


def column(rows: list[Any], kind: Any) -> Any:
    if kind in LISTS:
        return pa.array(rows, kind)
    return pa.array([None if row is None else bytes(row) for row in rows], kind)


@pytest.mark.parametrize("kind", [*LISTS, *BINARY], ids=str)
def test_slices_and_chunks(kind: Any) -> None:
    whole = column(ROWS, kind)
    np.testing.assert_array_equal(pixels_of(whole, (2, 3, 1)).images, IMAGES)
    np.testing.assert_array_equal(pixels_of(whole.slice(1, 2), (2, 3, 1)).images, IMAGES[1:3])
    chunks = pa.chunked_array([whole.slice(2), whole.slice(0, 1)])
    np.testing.assert_array_equal(pixels_of(chunks, (2, 3, 1)).images, IMAGES[[2, 3, 0]])
    assert pixels_of(whole.slice(4), (2, 3, 1)).images.shape == (0, 2, 3, 1)


@pytest.mark.parametrize("kind", [*LISTS, *BINARY], ids=str)
def test_null_is_an_error_of_its_row(kind: Any) -> None:
    found = pixels_of(column([ROWS[0], None, ROWS[2]], kind), (2, 3, 1))
    np.testing.assert_array_equal(found.images, IMAGES[[0, 2]])
    assert found.errors == {1: "An image must have 6 pixels; got null."}


@pytest.mark.parametrize("kind", [*LISTS[1:], *BINARY[:2]], ids=str)
def test_other_size_is_an_error_of_its_row(kind: Any) -> None:
    found = pixels_of(column([ROWS[0][:5], ROWS[1], []], kind), (2, 3, 1))
    np.testing.assert_array_equal(found.images, IMAGES[[1]])
    assert found.errors == {
        0: "An image must have 6 pixels; got 5 pixels.",
        2: "An image must have 6 pixels; got 0 pixels.",
    }


@pytest.mark.parametrize("kind", LISTS, ids=str)
def test_null_among_the_pixels(kind: Any) -> None:
    row: list[int | None] = [*ROWS[1]]
    row[3] = None
    found = pixels_of(column([ROWS[0], None, row], kind), (2, 3, 1))
    np.testing.assert_array_equal(found.images, IMAGES[[0]])
    assert found.errors == {
        1: "An image must have 6 pixels; got null.",
        2: "An image must have 6 pixels; got null among them.",
    }
