"""How far probabilities are from the observed frequencies, and correcting them."""

import numpy as np

from pipeline.tasks.task import Exact, Labels, Predictions

_NUM_BINS = 15  # as in Guo et al. (2017), section 4
_TEMPERATURES = (0.05, 20.0)  # beyond, probabilities are all 0 and 1, or all equal


def expected_calibration_error(probabilities: Predictions | Exact, labels: Labels) -> float:
    """Return sum_b (|B_b| / n) |accuracy(B_b) - confidence(B_b)| over bins of confidence.

    Confidence is the largest probability; 15 bins of equal width (Guo et al. 2017, equation 3).
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    hits = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * _NUM_BINS).astype(int), _NUM_BINS - 1)
    gaps = np.bincount(bins, weights=hits - confidence, minlength=_NUM_BINS)
    return float(np.abs(gaps).sum() / len(labels))


def fit_temperature(probabilities: Predictions, labels: Labels) -> float:
    """Return the temperature with the lowest cross-entropy of the labels (n,).

    Temperature scaling (Guo et al. 2017, section 4.2): p = SoftMax(z / temperature).
    """
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(labels))

    def cross_entropy(log_temperature: float) -> float:
        likelihoods = calibrated(probabilities, float(np.exp(log_temperature)))[rows, labels]
        return float(-np.log(np.maximum(likelihoods, np.finfo(float).tiny)).mean())

    found = minimize_scalar(cross_entropy, bounds=np.log(_TEMPERATURES), method="bounded")
    return float(np.exp(found.x))


def calibrated(probabilities: Predictions, temperature: float) -> Exact:
    """Return SoftMax(z / temperature) of SoftMax(z), (n, num_classes): both have the same order.

    The logarithm of SoftMax(z) is z up to a constant, which SoftMax ignores.
    """
    logits = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny).astype(np.float64))
    powers = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
