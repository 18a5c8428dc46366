"""What the configuration adds to Keras' optimizers: warmup, and weight decay on kernels alone."""

import keras
import numpy as np
import pytest

from pipeline.config import read
from pipeline.config.training_schema import Optimizer
from pipeline.errors import ConfigError
from pipeline.models.optimizers import build_optimizer
from tests.support.paths import SMOKE

pytestmark = pytest.mark.tensorflow


def rates(steps: list[int], total_steps: int, **schedule: object) -> list[float]:
    config = Optimizer.model_validate({"name": "nadam", "learning_rate": 0.5, "schedule": schedule})
    optimizer = build_optimizer(config, total_steps=total_steps)
    found = []
    for step in steps:
        optimizer.iterations.assign(step)
        found.append(float(optimizer.learning_rate))
    return found


def test_warmup_rises_from_0_and_the_cosine_ends_with_the_training() -> None:
    found = rates([0, 15, 30, 515, 1000], 1000, name="cosine", warmup=0.03)
    np.testing.assert_allclose(found, [0, 0.25, 0.5, 0.25, 0], atol=1e-6)


def test_warmup_of_less_than_a_step_is_none() -> None:
    assert rates([0], 10, name="cosine", warmup=0.01) == [0.5]
    assert rates([0], 10, name="cosine", warmup=0) == [0.5]


def test_warmup_leaves_a_step_for_the_decay() -> None:
    np.testing.assert_allclose(rates([0, 9, 10], 10, name="cosine", warmup=0.99), [0, 0.5, 0])
    assert rates([0], 1, name="cosine", warmup=0.6) == [0.5]


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (
            "{name: exponential, decay_rate: 0.1, warmup: 0.1}",
            "optimizer.schedule must be cosine if warmup is set "
            r"\(remove warmup to use exponential\)",
        ),
        (
            "{name: cosine, warmup: 0.1, warmup_steps: 3}",
            "must be a section with either warmup or warmup_steps, not both "
            r"\(warmup already sets the rates and the steps\)",
        ),
        ("{name: cosine, warmup: 1}", "optimizer.schedule.warmup must be less than 1; got 1"),
    ],
)
def test_wrong_warmups_are_explained(schedule: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        read(SMOKE, [f"optimizer={{name: adam, schedule: {schedule}}}"])


@pytest.mark.parametrize(("on", "bias"), [("all", 0.9), ("kernels", 1.0)])
def test_weight_decay_on_kernels_leaves_biases(on: str, bias: float) -> None:
    config = Optimizer.model_validate(
        {"name": "adamw", "learning_rate": 1.0, "weight_decay": 0.1, "weight_decay_on": on}
    )
    optimizer = build_optimizer(config, total_steps=1)
    layer = keras.layers.Dense(1, bias_initializer="ones", kernel_initializer="ones")
    layer.build((None, 1))
    optimizer.build(layer.trainable_variables)
    optimizer.apply([np.zeros_like(v) for v in layer.trainable_variables])
    assert float(layer.kernel[0, 0]) == pytest.approx(0.9)
    assert float(layer.bias[0]) == pytest.approx(bias)


@pytest.mark.parametrize("schedule", [None, {"name": "cosine", "warmup": 0.5}])
def test_learning_rate_is_scaled_with_the_batch(schedule: dict[str, object] | None) -> None:
    config = Optimizer.model_validate(
        {"name": "sgd", "learning_rate": 0.02, "scale_with_batch": 128, "schedule": schedule}
    )
    rates = []
    for batch_size in (128, 512):
        optimizer = build_optimizer(config, total_steps=100, batch_size=batch_size)
        optimizer.iterations.assign(50)
        rates.append(float(optimizer.learning_rate))
    assert rates == pytest.approx([0.02, 0.08])


def test_default_learning_rate_is_scaled_too() -> None:
    config = Optimizer.model_validate({"name": "adam", "scale_with_batch": 128})
    optimizer = build_optimizer(config, total_steps=100, batch_size=64)
    assert float(optimizer.learning_rate) == pytest.approx(0.0005)
