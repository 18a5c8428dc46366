"""What the stage ``report`` measures beyond the metrics: numbers only, for every task.

Fields that a task does not have are None or empty. Images are referred to by their index in a
split, classes by their index in ``class_names``.
"""

from dataclasses import dataclass

from pipeline.artifacts.metrics import Interval

REPORT_FILE = "report.html"
# What the strength of a change of the test images is.
STRENGTHS = {
    "shift": "pixels",
    "rotation": "degrees",
    "noise": "standard deviation",
    "thickness": "pixels on each side",
    "inversion": "share of the negative",
    "attack": "largest change of a pixel",
}
# Pictures from other sources than the data set, by the name of their kind.
OTHER_PICTURES = {
    "handwriting": "handwritten digits of other people, from forms scanned at a low resolution",
    "letters": "printed letters, without those that look like digits",
    "photographs": "parts of photographs of a building and a flower",
}


@dataclass(frozen=True)
class Epoch:
    """The logs of one epoch, counted from 1, and the seconds of training up to its end.

    ``learning_rate`` is that of the first step of the epoch; None if callbacks may change
    it, and for a committee with early stopping, whose members end at different epochs.
    """

    epoch: int
    logs: dict[str, float]
    learning_rate: float | None
    seconds: float


@dataclass(frozen=True)
class Mistake:
    """A test image with its label, the answer, and the probability of the answer, if it has one."""

    image: int
    label: float
    answer: float
    probability: float | None = None


@dataclass(frozen=True)
class Cell:
    """Test images behind one cell of the confusion matrix, the most confident answers first."""

    label: int
    answer: int
    images: tuple[int, ...]


@dataclass(frozen=True)
class ClassSamples:
    """Training images of one class, the first ones in the order of the split."""

    label: int
    images: tuple[int, ...]


@dataclass(frozen=True)
class Bin:
    """Test images whose confidence is in one interval: how many, and their mean values."""

    images: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """The reliability of the probabilities, before and after temperature scaling.

    ``temperature`` minimizes the loss on the validation set; everything else is of the test set.
    """

    bins: tuple[Bin, ...]
    scaled_bins: tuple[Bin, ...]
    error: float
    scaled_error: float
    loss: float
    scaled_loss: float
    temperature: float


@dataclass(frozen=True)
class Coverage:
    """The accuracy on the ``images`` whose confidence is at least ``threshold``."""

    coverage: float
    images: int
    threshold: float
    accuracy: float


@dataclass(frozen=True)
class Curve:
    """The points of a curve."""

    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Threshold:
    """The metrics if the positive class is answered above this probability."""

    threshold: float
    accuracy: float
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Binary:
    """Curves of a binary classifier over all thresholds, and the metrics at some of them."""

    roc: Curve
    precision_recall: Curve
    thresholds: tuple[Threshold, ...]


@dataclass(frozen=True)
class ResidualGroup:
    """The residuals (answer minus label) of images with labels from ``low`` to ``high``.

    ``quantiles`` are those at 5, 25, 50, 75 and 95 %.
    """

    low: float
    high: float
    images: int
    mean: float
    quantiles: tuple[float, ...]


@dataclass(frozen=True)
class Residuals:
    """The histogram of the residuals, which has one edge more than counts, and their groups."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    groups: tuple[ResidualGroup, ...]


@dataclass(frozen=True)
class Weights:
    """The histogram of the weights of one layer, without biases."""

    layer: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    mean: float
    deviation: float


@dataclass(frozen=True)
class Units:
    """The units of one hidden layer; a dead one has the same output for all test images.

    ``active`` is the mean share of test images for which the output of a unit is not 0.
    """

    layer: str
    units: int
    dead: int
    active: float


@dataclass(frozen=True)
class Robustness:
    """The task's score on the test set, changed in one way by each strength."""

    change: str
    strengths: tuple[float, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True)
class Answered:
    """How many of the test images are answered without a warning, and how many answers are right.

    The others are answered with the reason why the model is unsure.
    """

    images: int
    answered: int
    right: int


@dataclass(frozen=True)
class OtherPictures:
    """What a model answers to ``images`` pictures of one kind of ``OTHER_PICTURES``.

    ``right`` counts all right answers, and ``answered_right`` those among the ``answered`` ones,
    which are given without a warning; both are None for pictures that show none of the classes.
    """

    kind: str
    images: int
    answered: int
    right: int | None = None
    answered_right: int | None = None


@dataclass(frozen=True)
class Measures:
    """Everything that a report measures; ``seconds`` is the time that measuring it took."""

    epochs: tuple[Epoch, ...] = ()
    interval: Interval | None = None
    num_mistakes: int | None = None
    mistakes: tuple[Mistake, ...] = ()
    cells: tuple[Cell, ...] = ()
    samples: tuple[ClassSamples, ...] = ()
    calibration: Calibration | None = None
    coverage: tuple[Coverage, ...] = ()
    binary: Binary | None = None
    residuals: Residuals | None = None
    weights: tuple[Weights, ...] = ()
    first_units: tuple[int, ...] = ()
    units: tuple[Units, ...] = ()
    robustness: tuple[Robustness, ...] = ()
    answered: Answered | None = None
    other_pictures: tuple[OtherPictures, ...] = ()
    seconds: float | None = None
