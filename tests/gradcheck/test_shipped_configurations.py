"""The networks of all configurations in configs/ pass the check of their gradients.

With at most 32 units in a layer, 32 images, and without dropout (test_check.py has it): many
configurations then have the same network.
"""

from dataclasses import dataclass, field

import keras
import pytest

from pipeline.artifacts.data_set import Split
from pipeline.config import Config, read
from pipeline.data.targets import target_of
from pipeline.gradcheck.check import check_gradients
from pipeline.gradcheck.framework import Batch
from pipeline.models.dense import build_model
from pipeline.tasks.registry import task_of
from pipeline.textbook.losses import OUTPUT_LOSSES
from tests.support.paths import shipped_configurations

pytestmark = pytest.mark.tensorflow

MAX_UNITS, NUM_IMAGES = 32, 32
DIGITS = tuple(map(str, range(10)))


@dataclass
class Network:
    config: Config
    names: list[str] = field(default_factory=list)


def networks() -> list[Network]:
    found: dict[str, Network] = {}
    for path in shipped_configurations():
        hidden = [min(units, MAX_UNITS) for units in read(path).model.hidden]
        config = read(path, [f"model.hidden={hidden}", "model.dropout=0"])
        key = f"{config.model} {config.task} {config.train.loss}"
        found.setdefault(key, Network(config)).names.append(config.name)
    return list(found.values())


@pytest.mark.parametrize("network", networks(), ids=lambda network: ",".join(network.names))
def test_gradients_of_shipped_configuration(network: Network, digits: Split) -> None:
    config = network.config
    target, task = target_of(config.data, DIGITS), task_of(config)
    batch = Batch(digits.images[:NUM_IMAGES], target.convert(digits.labels[:NUM_IMAGES]))
    keras.utils.set_random_seed(config.train.seed)
    model = build_model(
        config.model, image_shape=(28, 28, 1), num_classes=len(target.class_names), task=task
    )
    output = OUTPUT_LOSSES[task.output_name, task.loss_name]
    _, rows = check_gradients(model, config.model, task, batch, output)
    assert [row for row in rows if not row.passed] == []
    assert all(row.by_hand for row in rows)
