"""Trial steps: values that give NaN are rejected before the training."""

from pathlib import Path

import pytest

from pipeline.config import read
from pipeline.config.training_schema import Optimizer
from pipeline.errors import ConfigError
from pipeline.models.optimizers import optimizer_classes
from pipeline.models.schedules import schedule_classes
from pipeline.models.trial_step import check_optimizer

pytestmark = pytest.mark.tensorflow

NEEDED: dict[str, dict[str, object]] = {  # arguments without a default
    "exponential": {"decay_rate": 0.5},
    "inverse_time": {"decay_rate": 0.5},
    "piecewise_constant": {"boundaries": [3], "values": [0.1, 0.01]},
}


def optimizer(**values: object) -> Optimizer:
    return Optimizer(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(optimizer_classes()))
def test_defaults_of_every_optimizer_pass(name: str) -> None:
    check_optimizer(optimizer(name=name))


@pytest.mark.parametrize("name", sorted(schedule_classes()))
def test_every_schedule_passes(name: str) -> None:
    schedule: dict[str, object] = {"name": name, **NEEDED.get(name.removesuffix("_decay"), {})}
    check_optimizer(Optimizer.model_validate({"name": "sgd", "schedule": schedule}))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": "adam", "beta_1": 1}, "weights with beta_1: 1 .* Keras default is 0.9"),
        ({"name": "adam", "beta_1": -1}, "weights with beta_1: -1"),  # in the second step
        (
            {"name": "adam", "epsilon": 0},
            "epsilon: 0 .* Keras default is 1e-07",
        ),  # gradient 0
        ({"name": "rmsprop", "rho": 2}, "RMSprop computes NaN or infinite weights with rho: 2"),
        ({"name": "sgd", "learning_rate": 1e39}, "weights with learning_rate: 1e.39"),
        (
            {"name": "adam", "beta_1": 1, "gradient_accumulation_steps": 1000},
            "weights with beta_1: 1",
        ),
        (
            {"name": "adam", "beta_1": 1, "epsilon": 0},
            "weights with {beta_1: 1, epsilon: 0} .*Choose other values",
        ),
        (
            {"name": "sgd", "schedule": {"name": "exponential", "decay_rate": -1}},
            "The learning rate is nan at step 9 of exponential with {decay_rate: -1}",
        ),
        (
            {"name": "sgd", "schedule": {"name": "polynomial", "power": -1}},
            "The learning rate is inf at step 10 of polynomial",
        ),
    ],
)
def test_values_that_give_nan_are_rejected(values: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        check_optimizer(Optimizer.model_validate(values))


@pytest.mark.parametrize(
    "values",
    [
        {"name": "sgd", "learning_rate": 1e30},  # diverges, which only the training can show
        {"name": "sgd", "schedule": {"name": "exponential", "decay_rate": 2}},  # grows
        {"name": "adam", "use_ema": True, "clipnorm": 1.0, "gradient_accumulation_steps": 4},
    ],
)
def test_unusual_finite_values_pass(values: dict[str, object]) -> None:
    check_optimizer(Optimizer.model_validate(values))


def test_error_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: x\noptimizer:\n  name: adam\n  beta_1: 1\n")
    config = read(path)
    with pytest.raises(ConfigError, match=r"\(optimizer.beta_1 in .*mine.yaml, line 4\)"):
        check_optimizer(config.optimizer, place_of=config.place_of)


def test_place_of_a_configuration_made_in_python() -> None:
    with pytest.raises(ConfigError, match=r"\(optimizer.beta_1 in the configuration\)"):
        check_optimizer(optimizer(name="adam", beta_1=1))
