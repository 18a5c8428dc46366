"""What can be said of answers without their labels: class or value, confidence, and the input."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.answer_distribution import (
    AnswerDistribution,
    count_between,
    count_classes,
    deciles,
)
from pipeline.tasks.task import Predictions, Task

# The confidence of a trained network is mostly close to 1.
CONFIDENCE_EDGES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999)
_WHITE = 255


@dataclass(frozen=True)
class Answers:
    """Answers (n,): class numbers, int64, or values, float32; float32 confidence, 0 to 1, if any.

    ``intensity`` is the mean of the pixels of each image, float64, 0 to 1.
    """

    answer: npt.NDArray[np.generic]
    confidence: npt.NDArray[np.float32] | None
    intensity: npt.NDArray[np.float64]

    def distribution(self, num_classes: int) -> AnswerDistribution:
        """Return the distributions of all measures; values and intensity in deciles."""
        if self.confidence is None:
            answer, confidence = count_between(self.answer, deciles(self.answer)), None
        else:
            answer = count_classes(self.answer, num_classes)
            confidence = count_between(self.confidence, CONFIDENCE_EDGES)
        intensity = count_between(self.intensity, deciles(self.intensity))
        return AnswerDistribution(answer, intensity, confidence)


def describe_answers(
    task: Task, images: npt.NDArray[np.uint8], predictions: Predictions
) -> Answers:
    """Describe the predictions (n, units) for images (n, height, width, channels)."""
    pixels = images.reshape(len(images), -1)
    intensity = pixels.sum(axis=1, dtype=np.uint32) / (_WHITE * pixels.shape[1])
    labels = task.labels_of(predictions)
    if labels is None:
        return Answers(predictions[:, 0], None, intensity)
    if predictions.shape[1] > 1:
        return Answers(labels, predictions.max(axis=1), intensity)
    positive = predictions[:, 0]  # the probability of the second of two classes
    return Answers(labels, np.maximum(positive, 1 - positive), intensity)
