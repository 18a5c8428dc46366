"""Sides of a comparison with a few test images, made by hand."""

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.artifacts.data_set import split_file
from pipeline.comparison.sides import RUN, Member, Side, TestSet
from pipeline.tasks.registry import task_named

CLASSES = tuple("0123456789")


def new_test_set(folder: Path, labels: np.ndarray, **settings: Any) -> TestSet:
    """Write images of 2 x 2 pixels with these labels."""
    folder.mkdir(exist_ok=True)
    np.save(folder / split_file("test", "images"), np.zeros((len(labels), 2, 2, 1), np.uint8))
    np.save(folder / split_file("test", "labels"), labels)
    values = {"data_set": "mnist", "target": "label", "class_names": CLASSES, **settings}
    return TestSet(folder, **{"images_sha256": "a" * 64, "labels_sha256": "b" * 64, **values})


def new_side(
    name: str, test_set: TestSet, *predictions: np.ndarray, task: str = "multiclass", **config: Any
) -> Side:
    """Return a side with a member for each array of predictions (n, units), of seeds 0, 1, ..."""
    opened = task_named(task)
    labels = test_set.labels()
    members = tuple(
        Member(
            name=f"{name}-{seed}",
            config={"train.seed": seed, **config},
            task=opened,
            test_set=test_set,
            predictions=values,
            metrics=opened.evaluate(values, labels, test_set.class_names),
            parameters=10,
        )
        for seed, values in enumerate(predictions)
    )
    return Side(name, RUN, f"the run {name}", members)


def one_hot(labels: np.ndarray) -> np.ndarray:
    """Return predictions (n, 10) with these labels."""
    return np.asarray(0.1 / 9 + (0.9 - 0.1 / 9) * np.eye(10)[labels], np.float32)
