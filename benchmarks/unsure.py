"""Evaluate the flag "unsure" of ``:classify-image``: the errors it finds, and its cost.

``python -m benchmarks.unsure exported/mlp``
"""

import sys
from pathlib import Path

import numpy as np

from pipeline import load_model
from pipeline.artifacts.data_set import split_file
from pipeline.publishing.published_folder import find_published
from pipeline.tasks.task import UNSURE_BELOW


def main(model: Path) -> None:
    """Predict the test set in ``runs/`` with the published model of that run."""
    stage = find_published(model).manifest.stages.data
    data = model.parent.parent / "runs" / "data" / stage
    images = np.load(data / split_file("test", "images"))
    labels = np.load(data / split_file("test", "labels"))
    probabilities = load_model(model).predict(images)
    wrong = probabilities.argmax(axis=1) != labels
    for threshold in (0.5, 0.8, UNSURE_BELOW, 0.95, 0.99):
        unsure = probabilities.max(axis=1) < threshold
        print(
            f"below {threshold}: {unsure.mean():.2%} of all, {unsure[wrong].mean():.0%} of all "
            f"errors; accuracy of the rest {1 - wrong[~unsure].mean():.4f}"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
