"""The measures of a report, on numbers that can be checked by hand."""

import numpy as np
import numpy.typing as npt
import pytest
from numpy.testing import assert_array_equal

from pipeline.artifacts.report import Bin
from pipeline.imaging.mnist_form import is_mnist_form
from pipeline.reporting.measures.binary import thinned
from pipeline.reporting.measures.calibration import fit_temperature, reliability_bins
from pipeline.reporting.measures.changes import (
    add_noise,
    changes_for,
    invert,
    rotate,
    shift,
    thicken,
)
from pipeline.reporting.measures.other_pictures import handwriting, letters, photographs

DOT = np.zeros((4, 5, 5, 1), np.uint8)
DOT[:, 2, 2] = 200


def bright(image: npt.NDArray[np.uint8]) -> list[tuple[int, int]]:
    return [(int(r), int(c)) for r, c, _ in np.argwhere(image > 100)]


def test_shift_goes_right_down_left_up() -> None:
    assert [bright(image) for image in shift(DOT, 2)] == [[(2, 4)], [(4, 2)], [(2, 0)], [(0, 2)]]
    assert not shift(DOT, 3).any()  # black fills what is shifted out


def test_rotation_by_a_right_angle_moves_pixels() -> None:
    line = np.zeros((2, 5, 5, 3), np.uint8)
    line[:, 2, 3:, 1] = 200
    left, right = rotate(line, 90)
    assert bright(left) == [(0, 2), (1, 2)]
    assert bright(right) == [(3, 2), (4, 2)]
    assert not left[..., [0, 2]].any()  # channels are not mixed


def test_thickness_grows_and_shrinks_strokes() -> None:
    assert len(bright(thicken(DOT, 1)[0])) == 5
    assert len(bright(thicken(DOT, 2)[0])) == 13
    assert_array_equal(thicken(thicken(DOT, 1), -1), DOT)
    assert not thicken(DOT, -1).any()


def test_noise_has_its_deviation_and_is_always_the_same() -> None:
    gray = np.full((10, 28, 28, 1), 128, np.uint8)
    noisy = add_noise(gray, 0.1)
    assert noisy.astype(float).std() == pytest.approx(25.5, rel=0.05)
    assert_array_equal(noisy, add_noise(gray, 0.1))


def test_inversion_by_share() -> None:
    assert set(np.unique(invert(DOT, 1))) == {55, 255}
    assert set(np.unique(invert(DOT, 0.1))) == {26, 186}


def test_only_gray_images_have_a_thickness() -> None:
    assert "thickness" in {change.name for change in changes_for((28, 28, 1))}
    assert "thickness" not in {change.name for change in changes_for((32, 32, 3))}


def test_temperature_recovers_a_known_one() -> None:
    """Probabilities whose logits were multiplied by 3 need the temperature 3."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 1.5, (20_000, 4))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (true.cumsum(axis=1) < random.random((20_000, 1))).sum(axis=1)
    sharp = true**3 / (true**3).sum(axis=1, keepdims=True)
    assert fit_temperature(sharp.astype(np.float32), labels) == pytest.approx(3, rel=0.03)


def test_bins_count_and_average() -> None:
    probabilities = np.array([[0.95, 0.05], [0.97, 0.03], [0.4, 0.6]])
    found = reliability_bins(probabilities, np.array([0, 1, 1]))
    assert found == (Bin(1, 0.6, 1.0), Bin(2, 0.96, 0.5))


def testthinned_curve_keeps_its_ends() -> None:
    x = np.linspace(0, 1, 5000)
    curve = thinned(x, x**2)
    assert (curve.x[0], curve.x[-1], curve.y[-1]) == (0, 1, 1)
    assert len(curve.x) <= 200


def test_handwriting_of_others_has_the_form_of_mnist() -> None:
    images, labels = handwriting()
    assert images.shape == (1797, 28, 28, 1)
    assert images.dtype == np.uint8
    assert set(labels) == set(range(10))
    assert np.mean([is_mnist_form(image[..., 0]) for image in images]) > 0.99
    corners = images[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert not corners.any()  # light on dark


def test_letters_differ_from_digits_and_from_each_other() -> None:
    pictures = [np.asarray(picture) for picture in letters()]
    assert len(pictures) == 6 * (52 - 13)
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)
    for picture in pictures:
        assert picture[0, 0] == 255  # black on white, with a margin
        assert picture.min() < 50
        assert (picture[[0, -1]] == 255).all()


def test_photographs_are_squares_in_color() -> None:
    assert {(picture.size, picture.mode) for picture in photographs()} == {((60, 60), "RGB")}
    assert len(photographs()) == 2 * 7 * 10
