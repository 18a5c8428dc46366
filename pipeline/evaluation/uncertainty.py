"""Fit what makes predictions unsure: on the training and validation sets, never the test set."""

from pathlib import Path

import numpy as np

from pipeline.artifacts.data_set import DataSet
from pipeline.artifacts.uncertainty import Uncertainty
from pipeline.runtimes.keras_model import KerasPredictor
from pipeline.runtimes.subspace import fit_subspace
from pipeline.tasks.calibration import fit_temperature

MIN_PROBABILITY = 0.92  # calibrated; python -m benchmarks.unsure has a table of others
_UNLIKE = 0.01  # share of the validation images that are as unlike the training images
_FITTED = 10_000  # training images; more hardly change the components


def fit_uncertainty(predictor: KerasPredictor, data: DataSet, file: Path) -> Uncertainty:
    """Return the fitted values, and write the subspace of the training images into ``file``."""
    images, labels = data.validation.images, data.validation.labels
    layer = predictor.first_layer()
    subspace = fit_subspace(layer, np.asarray(data.train.images[:_FITTED]))
    subspace.write(file)
    return Uncertainty(
        temperature=fit_temperature(predictor.predict_all(images), labels),
        min_probability=MIN_PROBABILITY,
        max_distance=float(np.quantile(subspace.distances(layer, images), 1 - _UNLIKE)),
    )
