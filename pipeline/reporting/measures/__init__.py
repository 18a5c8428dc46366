"""What a report measures, one module for each subject."""

import time
from dataclasses import replace

from pipeline.artifacts.report import Measures
from pipeline.progress import Progress
from pipeline.reporting.epochs import epochs
from pipeline.reporting.measures.answered import answered, other_pictures
from pipeline.reporting.measures.answers import answer_measures
from pipeline.reporting.measures.attack import attack_on
from pipeline.reporting.measures.binary import binary_measures
from pipeline.reporting.measures.calibration import calibration, coverage
from pipeline.reporting.measures.changes import changes_for
from pipeline.reporting.measures.network import network_measures
from pipeline.reporting.measures.residuals import residual_measures
from pipeline.reporting.measures.robustness import robustness
from pipeline.reporting.run import ReportedRun


def measure(run: ReportedRun, progress: Progress) -> Measures:
    """Return everything that a report measures; images are changed in at most 23 ways."""
    started = time.monotonic()
    with progress.task("measuring the predictions"):
        weights, units, first = network_measures(run)
        trained = epochs(run.config, run.train, len(run.data_set.train))
        found = Measures(epochs=trained, weights=weights, units=units, first_units=first)
        if run.data_set.class_names:
            found = answer_measures(run, found)
            found = replace(found, coverage=coverage(run))
            if len(run.data_set.validation):
                found = replace(found, calibration=calibration(run, run.predictor))
            found = replace(found, answered=answered(run), other_pictures=other_pictures(run))
        else:
            found = residual_measures(run, found)
        if run.task.name == "binary":
            found = replace(found, binary=binary_measures(run))
    changes = (*changes_for(run.data_set.image_shape), *attack_on(run))
    found = replace(found, robustness=robustness(run, run.predictor, changes, progress))
    return replace(found, seconds=round(time.monotonic() - started, 3))
