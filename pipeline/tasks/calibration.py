"""How far probabilities are from the observed frequencies, and correcting them."""

import numpy as np

from pipeline.tasks.task import Exact, Labels, Predictions

_NUM_BINS = 15  # as in Guo et al. (2017), section 4
_TEMPERATURES = (0.05, 20.0)  # beyond, probabilities are all 0 and 1, or all equal
# Half the 0.9 quantile of the chi-squared distribution with one degree of freedom: a likelihood
# ratio test at 5 % on one side.
_TOLERATED = 1.353  # nats, of all labels together


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

    Temperature scaling (Guo et al. 2017, section 4.2): p = SoftMax(z / temperature). Below 1, which
    makes predictions more certain, it is the one closest to 1 that the labels do not contradict:
    a few labels that are all predicted would otherwise make every prediction certain.
    """
    from scipy.optimize import brentq, minimize_scalar

    rows = np.arange(len(labels))

    def cross_entropy(log_temperature: float) -> float:
        likelihoods = calibrated(probabilities, float(np.exp(log_temperature)))[rows, labels]
        return float(-np.log(np.maximum(likelihoods, np.finfo(float).tiny)).mean())

    found = minimize_scalar(cross_entropy, bounds=np.log(_TEMPERATURES), method="bounded")
    if found.x >= 0:
        return float(np.exp(found.x))
    limit = found.fun + _TOLERATED / len(labels)
    if cross_entropy(0) <= limit:
        return 1.0
    return float(np.exp(brentq(lambda x: cross_entropy(x) - limit, found.x, 0)))


def calibrated(probabilities: Predictions, temperature: float) -> Exact:
    """Return SoftMax(z / temperature) of SoftMax(z), (n, num_classes): both have the same order.

    The logarithm of SoftMax(z) is z up to a constant, which SoftMax ignores.
    """
    logits = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny).astype(np.float64))
    powers = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
