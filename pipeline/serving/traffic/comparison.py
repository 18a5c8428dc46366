"""Whether two versions agree on images."""

import numpy as np
import numpy.typing as npt

from pipeline.serving.versions import Version
from pipeline.tasks.task import Predictions


def compare(
    version: Version, expected: Predictions, got: Predictions
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
    """Return for each image whether another version agrees, and how much it differs; both (n,).

    ``expected`` (n, units) are the predictions of ``version``. Classes agree if the labels are the
    same. Values agree if they differ by no more than the RMSE of ``version`` on its test set.
    The difference is the largest of all outputs.
    """
    differences = np.abs(got - expected).max(axis=1)
    task = version.task
    labels, others = task.labels_of(expected), task.labels_of(got)
    if labels is None or others is None:
        return differences <= version.score[1], differences
    return labels == others, differences
