"""The residuals of a regression: answer minus label."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.report import Measures, Mistake, ResidualGroup, Residuals
from pipeline.reporting.measures.answers import NUM_MISTAKES
from pipeline.reporting.run import ReportedRun

_MAX_GROUPS = 12
_NUM_BINS = 41
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def residual_measures(run: ReportedRun, measures: Measures) -> Measures:
    """Add the residuals, and the images with the largest ones."""
    labels = np.asarray(run.data_set.test.labels, np.float64)
    answers = run.predictions[:, 0].astype(np.float64)
    residuals = answers - labels
    worst = np.argsort(-np.abs(residuals), kind="stable")[:NUM_MISTAKES]
    counts, edges = np.histogram(residuals, _NUM_BINS)
    return replace(
        measures,
        mistakes=tuple(Mistake(int(i), float(labels[i]), float(answers[i])) for i in worst),
        residuals=Residuals(
            tuple(map(float, edges)), tuple(map(int, counts)), _groups(labels, residuals)
        ),
    )


def _groups(
    labels: npt.NDArray[np.float64], residuals: npt.NDArray[np.float64]
) -> tuple[ResidualGroup, ...]:
    """Return a group for each label, or for equally many images if there are many labels."""
    order = np.argsort(labels, kind="stable")
    values, starts = np.unique(labels[order], return_index=True)
    if len(values) > _MAX_GROUPS:
        parts = np.array_split(order, _MAX_GROUPS)
    else:
        parts = np.split(order, starts[1:])
    return tuple(_group(labels[part], residuals[part]) for part in parts if len(part))


def _group(labels: npt.NDArray[Any], residuals: npt.NDArray[Any]) -> ResidualGroup:
    quantiles = tuple(map(float, np.quantile(residuals, _QUANTILES)))
    low, high = float(labels.min()), float(labels.max())
    return ResidualGroup(low, high, len(labels), float(residuals.mean()), quantiles)
