"""Pictures from other sources: those that do not show one digit have a warning anyway."""

from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.artifacts.report import OtherPictures
from pipeline.imaging.digits import find_digits
from pipeline.reporting.measures.other_pictures import letters


def test_pictures_without_a_single_digit_are_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = import_module("pipeline.reporting.measures.answered")  # the package has a function
    letter = letters()[0]
    blank, two = Image.new("L", letter.size, 255), Image.new("L", (256, 128), 255)
    for left in (0, 128):
        two.paste(letter, (left, 0))
    pictures = [blank, letter, two]
    assert [find_digits(picture).reason is None for picture in pictures] == [False, True, False]

    def sure(_run: object, _doubts: object, images: Any, _predictions: object) -> Any:
        return np.zeros(len(images), np.int64), np.ones(len(images), np.bool_)

    monkeypatch.setattr(answered, "_answers", sure)
    run: Any = SimpleNamespace(predictor=SimpleNamespace(predict_all=lambda images: images))
    for shown, expected in (([blank], 0), (pictures, 1)):
        taken = answered.single_digits(shown)
        assert taken.shape == (expected, 28, 28, 1)
        found = answered._no_digits(run, None, "letters", len(shown), taken)
        assert found == OtherPictures("letters", len(shown), expected)
