"""Averaging over shifted images: the places of all pixels, and the mean of the outputs."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from pipeline.config.schema import Model
from pipeline.models.averaging import averaged, copies_of, shifted_pixels
from pipeline.models.dense import build_model, summarize
from pipeline.models.fast_gradient_sign import attacked, method_of
from pipeline.tasks.registry import task_named
from tests.support.average_reference import five, mean_output

pytestmark = pytest.mark.tensorflow

OUTPUTS = [
    ("multiclass", "softmax"),
    ("binary", "sigmoid"),
    ("binary", "tanh"),
    ("regression", "linear"),
    ("regression", "relu"),
]


def build(
    shape: tuple[int, int, int] = (6, 5, 1), name: str = "multiclass", output: str = "softmax",
    seed: int = 1, **settings: Any,
) -> keras.Model:  # fmt: skip
    keras.utils.set_random_seed(seed)
    task = task_named(name, output)
    config = Model(**{"hidden": (8, 7), **settings})
    model = build_model(config, image_shape=shape, num_classes=3, task=task)
    rng = np.random.default_rng(seed)
    model.set_weights([2 * w if w.ndim > 1 else rng.normal(size=w.shape) for w in model.weights])
    return model


def pictures(count: int, shape: tuple[int, int, int]) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (count, *shape), np.uint8)


def test_shifted_pixels_by_hand() -> None:
    """An image of 2 x 3 pixels: itself, moved up, down, left and right."""
    assert shifted_pixels((2, 3, 1)).tolist() == [
        [0, 1, 2, 3, 4, 5],
        [3, 4, 5, 3, 4, 5],
        [0, 1, 2, 0, 1, 2],
        [1, 2, 2, 4, 5, 5],
        [0, 0, 1, 3, 3, 4],
    ]


@pytest.mark.parametrize("shape", [(28, 28, 1), (5, 7, 3), (1, 1, 1)])
def test_shifted_pixels_are_those_of_moved_images(shape: tuple[int, int, int]) -> None:
    [image] = pictures(1, shape)
    for places, expected in zip(shifted_pixels(shape), five(image), strict=True):
        np.testing.assert_array_equal(image.ravel()[places].reshape(shape), expected)


def test_black_border_comes_in_black() -> None:
    """For digits with a black border, repeating the edge and filling with 0 are the same."""
    image = np.zeros((6, 6, 1), np.uint8)
    image[1:-1, 1:-1] = pictures(1, (4, 4, 1))[0]
    for places, by in zip(shifted_pixels(image.shape)[1:], ((-1, 0), (1, 0), (0, -1), (0, 1)),
                          strict=True):  # fmt: skip
        np.testing.assert_array_equal(
            image.ravel()[places].reshape(image.shape), np.roll(image, by, axis=(0, 1))
        )


@pytest.mark.parametrize(("name", "output"), OUTPUTS)
@pytest.mark.parametrize("shape", [(6, 5, 1), (4, 3, 3)])
def test_average_is_that_of_the_slow_definition(
    shape: tuple[int, int, int], name: str, output: str
) -> None:
    model, images = build(shape, name, output), pictures(9, shape)
    expected = mean_output([model], images, output, shifts=True)
    got = averaged([model], over_shifts=True)(images).numpy()
    np.testing.assert_allclose(got, expected, rtol=2e-6, atol=2e-7)
    assert np.abs(expected - model(images).numpy()).max() > 0.01  # it matters


@pytest.mark.parametrize(("name", "output"), OUTPUTS)
@pytest.mark.parametrize("over_shifts", [False, True])
def test_committee_is_that_of_the_slow_definition(
    name: str, output: str, over_shifts: bool
) -> None:
    shape = (6, 5, 1)
    members, images = [build(shape, name, output, seed=s) for s in (1, 2, 3)], pictures(9, shape)
    expected = mean_output(members, images, output, shifts=over_shifts)
    got = averaged(members, over_shifts=over_shifts)(images).numpy()
    np.testing.assert_allclose(got, expected, rtol=2e-6, atol=2e-7)


def test_committee_has_the_layers_of_all_members() -> None:
    members = [build(seed=seed) for seed in (1, 2)]
    found = averaged(members, over_shifts=False)
    assert found.count_params() == 2 * members[0].count_params()
    assert found.output_names == ["probabilities"]
    for number, member in enumerate(members, 1):
        for name in ("hidden_1", "hidden_2", "logits"):
            ours = found.get_layer(f"member_{number}_{name}").get_weights()
            assert all(map(np.array_equal, ours, member.get_layer(name).get_weights()))


def test_contract_names_and_weights_stay_the_same() -> None:
    model = build(dropout=0.2)
    found = averaged([model], over_shifts=True)
    assert found.input_shape == model.input_shape
    assert found.output_shape == model.output_shape
    assert found.output_names == model.output_names == ["probabilities"]
    assert found.count_params() == model.count_params()
    assert all(map(np.array_equal, found.get_weights(), model.get_weights()))
    rows = {row.name: row.shape for row in summarize(found)}
    assert rows["shifts"] == (5, 30)
    assert rows["by_image"] == (5, 3)


def test_names_do_not_depend_on_earlier_models() -> None:
    first, second = (averaged([build()], over_shifts=True) for _ in range(2))
    assert [op.name for op in first.operations] == [op.name for op in second.operations]


def test_attack_is_on_the_copies_of_an_image(tmp_path: Path) -> None:
    """Changed pixels raise the loss of the average, more than random ones do."""
    average = averaged([build()], over_shifts=True)
    average.save(tmp_path / "model.keras")
    method = method_of(tmp_path / "model.keras", task_named("multiclass").loss())
    assert method is not None
    images, labels = pictures(20, (6, 5, 1)), np.arange(20) % 3
    random = images + np.random.default_rng(0).choice([-13, 13], images.shape)

    def loss(changed: np.ndarray) -> float:
        outputs = average(changed.clip(0, 255).astype(np.uint8)).numpy()
        return float(-np.log(outputs[np.arange(20), labels]).mean())

    assert loss(attacked(method, images, labels, 0.05)) > loss(random) + 0.05
    assert copies_of(average) == 5
    assert copies_of(build()) == 1


def test_without_average_the_model_is_the_trained_one() -> None:
    model = build()
    assert averaged([model], over_shifts=False) is model
