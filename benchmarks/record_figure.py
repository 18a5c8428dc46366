"""The test images that a network gets wrong, as a figure."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

from pipeline.artifacts.data_set import Split

_COLUMNS = 10
_DPI = 110


def draw_errors(split: Split, probabilities: npt.NDArray[np.float64], path: Path) -> None:
    """Draw each image of a split that gets another label, with both labels; write a PNG.

    ``probabilities`` are of shape (n, classes).
    """
    answers = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(answers != split.labels)
    rows = -(-len(wrong) // _COLUMNS)
    figure, axes = plt.subplots(rows, _COLUMNS, figsize=(8, 1.05 * rows), dpi=_DPI, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, number in zip(axes.flat, wrong, strict=False):
        axis.imshow(split.images[number, :, :, 0], cmap="gray_r", vmin=0, vmax=255)
        axis.set_title(f"{split.labels[number]}, read as {answers[number]}", fontsize=6.5, pad=2)
    figure.tight_layout(pad=0.3)
    figure.savefig(path)
    plt.close(figure)
