"""Fit what makes predictions unsure: on the training and validation sets, never the test set.

Without a validation set, probabilities are not calibrated, since those of images that were trained
are too high, and unlike images are compared with further images of the training set.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.artifacts.data_set import DataSet
from pipeline.artifacts.uncertainty import Uncertainty
from pipeline.runtimes.keras_model import KerasPredictor
from pipeline.runtimes.subspace import Subspace, fit_subspace
from pipeline.tasks.calibration import fit_temperature

MIN_PROBABILITY = 0.92  # calibrated; python -m benchmarks.unsure has a table of others
_UNLIKE = 0.01  # share of the validation images that are as unlike the training images
_FITTED = 10_000  # training images; more hardly change the components


@dataclass(frozen=True)
class Fitted:
    """The fitted values, and the subspace of the training images."""

    uncertainty: Uncertainty
    subspace: Subspace


def fit_uncertainty(predictor: KerasPredictor, data: DataSet) -> Fitted:
    """Fit what makes predictions unsure.

    Reports and published models need these values. Trials of a study do not, so the stage
    ``evaluate`` does not fit them.
    """
    images, labels = data.validation.images, data.validation.labels
    layer = predictor.first_layer()
    subspace = fit_subspace(layer, np.asarray(data.train.images[:_FITTED]))
    temperature = 1.0
    if len(images):
        temperature = fit_temperature(predictor.predict_all(images), labels)
    else:
        images = data.train.images[-_FITTED:]
    uncertainty = Uncertainty(
        temperature=temperature,
        min_probability=MIN_PROBABILITY,
        max_distance=float(np.quantile(subspace.distances(layer, images), 1 - _UNLIKE)),
    )
    return Fitted(uncertainty, subspace)
