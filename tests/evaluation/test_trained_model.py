"""Trained models of the same layers are traced once, each with its own weights."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.evaluation.trained_model import trained_model
from pipeline.runtimes.keras_model import KerasPredictor
from tests.support.small_training import SHAPE, new_model

pytestmark = pytest.mark.tensorflow
IMAGES = np.random.default_rng(0).integers(0, 256, (5, *SHAPE), np.uint8)


def model_file(folder: Path, seed: int, **settings: object) -> Path:
    file = folder / f"{seed}-{len(settings)}.keras"
    new_model(seed, **settings).save(file)  # type: ignore[arg-type]
    return file


def test_each_file_is_predicted_with_its_own_weights(tmp_path: Path) -> None:
    files = [model_file(tmp_path, seed) for seed in (0, 1)]
    expected = [KerasPredictor(file).predict(IMAGES) for file in files]
    assert not np.array_equal(expected[0], expected[1])
    opened = []
    for file, probabilities in [*zip(files, expected, strict=True), (files[0], expected[0])]:
        with trained_model(file) as predictor:
            opened.append(predictor)
            np.testing.assert_array_equal(predictor.predict(IMAGES), probabilities)
    assert opened[0] is opened[1] is opened[2]


def test_models_used_at_the_same_time_share_no_weights(tmp_path: Path) -> None:
    first, second = (model_file(tmp_path, seed) for seed in (0, 1))
    with trained_model(first) as one:
        before = one.predict(IMAGES)
        with trained_model(second):
            np.testing.assert_array_equal(one.predict(IMAGES), before)


def test_other_layers_are_opened_anew(tmp_path: Path) -> None:
    with trained_model(model_file(tmp_path, 0)) as one:
        pass
    with trained_model(model_file(tmp_path, 0, activation="tanh")) as other:
        assert other is not one
