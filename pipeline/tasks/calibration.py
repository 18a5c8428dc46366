"""How far probabilities are from the observed frequencies."""

import numpy as np

from pipeline.tasks.task import Exact, Labels, Predictions

_NUM_BINS = 15  # as in Guo et al. (2017), section 4


def expected_calibration_error(probabilities: Predictions | Exact, labels: Labels) -> float:
    """Return sum_b (|B_b| / n) |accuracy(B_b) - confidence(B_b)| over bins of confidence.

    Confidence is the largest probability; 15 bins of equal width (Guo et al. 2017, equation 3).
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    hits = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * _NUM_BINS).astype(int), _NUM_BINS - 1)
    gaps = np.bincount(bins, weights=hits - confidence, minlength=_NUM_BINS)
    return float(np.abs(gaps).sum() / len(labels))
