"""What decides whether a prediction of a multiclass model is unsure."""

from dataclasses import dataclass

SUBSPACE_FILE = "subspace.npz"  # written by ``evaluate``, published with the model


@dataclass(frozen=True)
class Uncertainty:
    """Fitted to the validation set, without the test set.

    A prediction is unsure if its probability, calibrated with ``temperature``, is below
    ``min_probability``, or if the distance of the image from the subspace of the training images
    exceeds ``max_distance``.
    """

    temperature: float
    min_probability: float
    max_distance: float
