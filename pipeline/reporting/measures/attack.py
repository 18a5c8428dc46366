"""Test images changed by the fast gradient sign method, against the network that is reported."""

import numpy as np

from pipeline.reporting.measures.changes import Change, Images
from pipeline.reporting.run import ReportedRun

_STRENGTHS = (0.02, 0.05, 0.1, 0.2)


def attack_on(run: ReportedRun) -> tuple[Change, ...]:
    """Return the change, for the whole test set in its order; none for a mean of networks."""
    from pipeline.models.fast_gradient_sign import attacked, method_of  # imports TensorFlow

    method = method_of(run.model_file, run.task.loss())
    if method is None:
        return ()
    labels = np.asarray(run.data_set.test.labels)

    def attack(images: Images, epsilon: float) -> Images:
        return attacked(method, images, labels, epsilon)

    return (Change("attack", _STRENGTHS, attack),)
