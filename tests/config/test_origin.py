"""The origin of a configuration: its file, the overrides, and the keys that they changed."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.config import Config, read

FILE = """
name: small
model: {hidden: [32]}
optimizer: {name: sgd, learning_rate: 0.1, momentum: 0.9}
train: {epochs: 3}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize(
    ("overrides", "changes"),
    [
        ([], {}),
        (["train.epochs=5"], {"train.epochs": 5}),
        (["train.epochs=3"], {}),
        (["train.batch_size=128"], {}),  # the default
        (["optimizer.learning_rate=1"], {"optimizer.learning_rate": 1.0}),
        (["train={epochs: 3, seed: 1}", "model.hidden=[]"],
         {"train.seed": 1, "model.hidden": []}),
        (["optimizer=adam"],
         {"optimizer.name": "adam", "optimizer.learning_rate": None, "optimizer.momentum": None}),
        (["optimizer.schedule=cosine"], {"optimizer.schedule.name": "cosine"}),
        (["name=other"], {"name": "other"}),
    ],
)  # fmt: skip
def test_changes_against_the_file(
    file: Path, overrides: list[str], changes: dict[str, Any]
) -> None:
    config = read(file, overrides)
    assert config.changes == changes
    assert (config.origin.file, config.origin.overrides) == (str(file), tuple(overrides))


def test_removed_section_is_one_change(file: Path) -> None:
    file.write_text("name: small\noptimizer: {name: sgd, schedule: {name: cosine, alpha: 0.1}}")
    assert read(file, ["optimizer.schedule=null"]).changes == {"optimizer.schedule": None}


def test_changes_of_a_file_that_is_incomplete_alone(file: Path) -> None:
    file.write_text("model: {hidden: [32]}\ntrain: {epochs: none}")
    config = read(file, ["name=small", "train.epochs=3", "model.hidden=[32]"])
    assert config.changes == {"name": "small", "train.epochs": 3}


def test_configuration_without_a_file() -> None:
    config = Config(name="small")
    assert (config.origin.file, config.changes) == (None, {})
