"""How the answers of a model are distributed, and how far two distributions are apart."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
MIN_PER_BIN = 20  # answers, on average; with fewer, chance alone makes the index large
_MAX_COUNT = 2**40  # sums of a million bins fit into 64 bits
_SMOOTHING = 0.5  # answers added to each bin, so that an empty one has a logarithm


@dataclass(frozen=True)
class Histogram:
    """How many values are in each bin: up to the first of ``edges``, up to the second, and so on.

    The last bin has those above the last edge. Without ``edges``, values are the numbers of bins.
    """

    counts: tuple[int, ...]
    edges: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check that bins and edges belong together.

        Raises:
            ValueError: they do not.
        """
        if not self.counts or min(self.counts) < 0 or max(self.counts) > _MAX_COUNT:
            raise ValueError(f"counts must be numbers from 0 to {_MAX_COUNT:,}; got {self.counts}")
        if self.edges and len(self.edges) + 1 != len(self.counts):
            raise ValueError(f"got {len(self.counts)} counts for {len(self.edges)} edges")
        if not all(map(math.isfinite, self.edges)) or any(a >= b for a, b in pairwise(self.edges)):
            raise ValueError(f"edges must be finite and increase; got {self.edges}")

    def bins(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
        """Return the number of the bin of each value (n,)."""
        if not self.edges:
            return values.astype(np.int64)
        return np.searchsorted(np.array(self.edges), values)


@dataclass(frozen=True)
class AnswerDistribution:
    """The distribution of answers to one set of images.

    ``answer`` are the predicted classes or values, ``confidence`` the probabilities of these
    classes (none of values), and ``intensity`` the mean pixels of the images, 0 to 1.
    """

    answer: Histogram
    intensity: Histogram
    confidence: Histogram | None = None

    @property
    def measures(self) -> dict[str, Histogram]:
        """The histograms by name, in a fixed order."""
        named = {"answer": self.answer, "confidence": self.confidence, "intensity": self.intensity}
        return {name: found for name, found in named.items() if found is not None}

    def fits(self, num_classes: int) -> bool:
        """Return whether this is of a model with so many classes; one of values has none."""
        numbers = [found for name, found in self.measures.items() if name != "answer"]
        if not num_classes:
            numbers.append(self.answer)
        elif self.answer.edges or len(self.answer.counts) != num_classes:
            return False
        return all(found.edges for found in numbers) and bool(num_classes) == bool(self.confidence)


def count_classes(labels: npt.NDArray[np.generic], num_classes: int) -> Histogram:
    """Return how often each class is predicted."""
    return Histogram(tuple(np.bincount(labels.astype(np.int64), minlength=num_classes).tolist()))


def count_between(values: npt.NDArray[np.generic], edges: tuple[float, ...]) -> Histogram:
    """Return how many values are between the edges."""
    empty = Histogram((0,) * (len(edges) + 1), edges)
    return Histogram(
        tuple(np.bincount(empty.bins(values), minlength=len(edges) + 1).tolist()), edges
    )


def deciles(values: npt.NDArray[np.generic]) -> tuple[float, ...]:
    """Return at most nine edges, between which there are equally many values, if they differ."""
    quantiles = np.quantile(values.astype(np.float64), np.arange(1, 10) / 10)
    return tuple(np.unique(quantiles).tolist())


def population_stability_index(reference: Histogram, counts: Counts) -> float | None:
    """Return the index of ``counts`` (bins,); None if either has less than 20 answers per bin.

    The sum over all bins of (q - p) ln(q / p), with the shares p of the reference and q of the
    counts. Without any change, it is (bins - 1) (1/n + 1/m) on average, for n and m answers.
    Source: Siddiqi, Credit Risk Scorecards, 2006: below 0.1 stable, above 0.25 a shift.
    """
    expected = np.array(reference.counts)
    if min(expected.sum(), counts.sum()) < MIN_PER_BIN * len(expected):
        return None
    p, q = _shares(expected), _shares(counts)
    return float(np.sum((q - p) * np.log(q / p)))


def _shares(counts: Counts) -> npt.NDArray[np.float64]:
    smoothed = counts + _SMOOTHING
    return np.asarray(smoothed / smoothed.sum())
