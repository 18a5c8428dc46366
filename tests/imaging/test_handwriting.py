"""Digits as people photograph and draw them, with a small network that saw none of them."""

import csv
import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.handwriting import STYLES
from benchmarks.handwriting.drawing import coverage, from_array, paper, written
from pipeline import load_model
from pipeline.imaging.components import find_components
from pipeline.imaging.digits import Finding, find_digits
from pipeline.runtimes.predictor import Predictor

Array = np.ndarray
GIVEN = os.environ.get("PIPELINE_HANDWRITING_DIR")


@pytest.fixture(scope="module")
def model(smoke: Path) -> Predictor:
    return load_model(smoke / "exported" / "smoke")


@pytest.fixture(scope="module")
def recognized(smoke: Path, model: Predictor) -> tuple[Array, Array]:
    """Test digits that the network classifies correctly, and their labels."""
    [data] = (smoke / "runs" / "data").iterdir()
    images, labels = np.load(data / "test_images.npy"), np.load(data / "test_labels.npy")
    probabilities = model.predict(images)
    sure = (probabilities.argmax(axis=1) == labels) & (probabilities.max(axis=1) > 0.95)
    return images[sure, ..., 0], labels[sure]


def seen(file: bytes) -> Finding:
    with Image.open(io.BytesIO(file)) as picture:
        return find_digits(picture)


def test_styles_are_recognized(model: Predictor, recognized: tuple[Array, Array]) -> None:
    """Some digits change by being drawn again; ``python -m benchmarks.handwriting`` tries more."""
    right = {}
    for name, draw in STYLES.items():
        random_ = np.random.default_rng([*name.encode()])
        picks = random_.integers(0, len(recognized[0]), 2)
        found = [seen(draw(recognized[0][pick], random_)) for pick in picks]
        labels = model.predict(np.stack([each.image for each in found])).argmax(axis=1)
        single = np.array([len(each.digits) == 1 for each in found])
        right[name] = np.sum(single & (labels == recognized[1][picks]))
    assert sum(right.values()) >= 0.92 * 2 * len(STYLES), right


def test_shift_without_loss_is_undone(recognized: tuple[Array, Array]) -> None:
    random_ = np.random.default_rng(0)
    for digit in recognized[0][:50]:
        for name in ("shifted", "shifted_dark"):
            finding = seen(STYLES[name](digit, random_))
            np.testing.assert_array_equal(finding.image[..., 0], digit)


@pytest.mark.parametrize("ground", ["white", "noisy paper", "black"])
def test_empty_pictures_show_no_digit(ground: str) -> None:
    random_ = np.random.default_rng(0)
    pixels = {
        "white": np.full((300, 200), 255),
        "noisy paper": paper(random_),
        "black": np.zeros((28, 28)),
    }[ground]
    finding = find_digits(from_array(pixels))
    assert (finding.kind, finding.reason, finding.digits) == ("no digit", "no digit here", ())
    assert not finding.image.any()


def test_several_digits_are_found_from_left_to_right(recognized: tuple[Array, Array]) -> None:
    random_ = np.random.default_rng(0)
    inks = [coverage(digit, random_, side=200, share=0.6) for digit in recognized[0][:3]]
    sheet = from_array(written(np.hstack(inks), paper(random_, 600)[:200]))
    finding = find_digits(sheet)
    assert (finding.kind, finding.reason) == ("several digits", "more than one digit")
    boxes = [digit.box for digit in finding.digits]
    assert [left // 200 for left, _, _, _ in boxes] == [0, 1, 2]
    for ink, (left, top, right, bottom), offset in zip(inks, boxes, (0, 200, 400), strict=True):
        rows, columns = (np.flatnonzero((ink > 0.5).any(axis=axis)) for axis in (1, 0))
        expected = (columns[0] + offset, rows[0], columns[-1] + 1 + offset, rows[-1] + 1)
        np.testing.assert_allclose((left, top, right, bottom), expected, atol=3)


def test_half_of_a_digit_is_never_read_without_a_reason(recognized: tuple[Array, Array]) -> None:
    """Half of a 2 or of a 3 may be two marks, which are more than one digit."""
    random_, reasons = np.random.default_rng(0), []
    for digit in recognized[0][:10]:
        ink = coverage(digit, random_)
        columns = np.flatnonzero((ink > 0.5).any(axis=0))
        middle = (columns[0] + columns[-1]) // 2
        sheet = from_array(written(ink, paper(random_))[:, middle:])
        reasons.append(find_digits(sheet).reason)
    assert None not in reasons
    assert reasons.count("cut off at the edge") >= 7


def test_components_match_a_flood_fill() -> None:
    random_ = np.random.default_rng(0)
    for density in (0.1, 0.4, 0.6):
        mask = random_.random((40, 30)) < density
        found = find_components(mask)
        for label, (box, area) in enumerate(zip(found.boxes, found.areas, strict=True), 1):
            y, x = np.nonzero(found.labels == label)
            assert (x.min(), y.min(), x.max() + 1, y.max() + 1) == tuple(box)
            assert len(x) == area == _flooded(mask, (y[0], x[0]))
        np.testing.assert_array_equal(found.labels > 0, mask)


def _flooded(mask: Array, start: tuple[int, int]) -> int:
    seen, waiting = set(), [start]
    while waiting:
        y, x = waiting.pop()
        inside = 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1]
        if inside and mask[y, x] and (y, x) not in seen:
            seen.add((y, x))
            waiting += [(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    return len(seen)


@pytest.mark.skipif(GIVEN is None, reason="PIPELINE_HANDWRITING_DIR is not set")
def test_given_pictures_are_found() -> None:
    """Whether there is one digit; the labels need the network trained on all of MNIST."""
    rows = list(csv.DictReader((Path(str(GIVEN)) / "labels.csv").read_text().splitlines()))
    wrong = [row["file"] for row in rows if not _is_as_described(row)]
    assert not wrong


def _is_as_described(row: dict[str, str]) -> bool:
    finding = seen((Path(str(GIVEN)) / row["file"]).read_bytes())
    if row["file"].startswith("letter"):
        return finding.kind == "digit"  # it is one mark: only the network can doubt it
    return len(finding.digits) == len(row["label"])
