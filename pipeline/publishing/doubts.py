"""Why a prediction is unsure: a low probability, or an image unlike the training images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.formats import artifact_path
from pipeline.artifacts.uncertainty import SUBSPACE_FILE, Uncertainty
from pipeline.publishing.published_folder import PublishedModel
from pipeline.runtimes.onnx_layers import DenseLayer, first_layer
from pipeline.runtimes.predictor import Images
from pipeline.runtimes.subspace import Subspace, read_subspace
from pipeline.tasks.calibration import calibrated
from pipeline.tasks.task import UNSURE_BELOW, DisplayedPrediction, Predictions

UNLIKE = "unlike the pictures that the model was trained on"
_NAMED = 2  # classes
# More than float64 can differ in a calibrated probability that is computed in another order.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Familiarity:
    """Measures images in the first layer of ``model.onnx``."""

    layer: DenseLayer
    subspace: Subspace
    max_distance: float

    def is_unlike(self, images: Images) -> list[bool]:
        """Return whether each image, uint8 (n, *image_shape), is unlike the training images."""
        return [bool(d > self.max_distance) for d in self.subspace.distances(self.layer, images)]


@dataclass(frozen=True)
class Doubts:
    """The reasons for doubt of one model; by default, only a probability below 0.9."""

    uncertainty: Uncertainty | None = None
    familiarity: Familiarity | None = None

    def reasons(
        self,
        images: Images,
        predictions: Predictions | Sequence[Predictions],
        displayed: Sequence[DisplayedPrediction],
    ) -> list[str | None]:
        """Return why each prediction (n, units) for images (n, *image_shape) is unsure, or None.

        Values have no reason, since they have no probability.
        """
        if not len(images):
            return []
        unlike = self.familiarity.is_unlike(images) if self.familiarity else [False] * len(images)
        return [
            UNLIKE if strange else self._unlikely(np.asarray(row), shown)
            for strange, row, shown in zip(unlike, predictions, displayed, strict=True)
        ]

    def reasons_of_many(
        self,
        images: Images,
        predictions: Predictions,
        confidence: npt.NDArray[np.float32] | None,
        describe: Callable[[Predictions], DisplayedPrediction],
    ) -> dict[int, str]:
        """Return the same reasons by row, without those that are None.

        ``confidence`` (n,) are the probabilities of the labels, None of values. Only predictions
        that may be unsure are described, since that takes longer than to predict.
        """
        unlike = np.zeros(len(images), bool)
        if self.familiarity:
            unlike[:] = self.familiarity.is_unlike(images)
        found: dict[int, str] = {}
        for row in np.flatnonzero(unlike | self._may_be_unlikely(predictions, confidence)):
            prediction = predictions[row]
            reason = UNLIKE if unlike[row] else self._unlikely(prediction, describe(prediction))
            if reason is not None:
                found[int(row)] = reason
        return found

    def _may_be_unlikely(
        self, predictions: Predictions, confidence: npt.NDArray[np.float32] | None
    ) -> npt.NDArray[np.bool_]:
        if confidence is None:
            return np.zeros(len(predictions), bool)
        if self.uncertainty is None:
            return np.asarray(confidence < UNSURE_BELOW)
        exact = calibrated(predictions, self.uncertainty.temperature).max(axis=1)
        return np.asarray(exact < self.uncertainty.min_probability + _ROUNDING)

    def _unlikely(self, row: Predictions, shown: DisplayedPrediction) -> str | None:
        if shown.probability is None:
            return None
        if self.uncertainty is None:
            unsure = shown.probability < UNSURE_BELOW
            return _in_words(shown.probabilities, "") if unsure else None
        [exact] = calibrated(row[None], self.uncertainty.temperature)
        if exact.max() >= self.uncertainty.min_probability:
            return None
        return _in_words(dict(zip(shown.probabilities, exact, strict=True)), "calibrated, ")


def _in_words(probabilities: dict[str, np.float32], how: str) -> str:
    """Return such as ``the model is unsure: 7 has 61 %, 1 has 30 %``."""
    ranked = sorted(probabilities.items(), key=lambda pair: pair[1], reverse=True)
    likeliest = ", ".join(f"{name} has {100 * value:.0f} %" for name, value in ranked[:_NAMED])
    return f"the model is unsure: {how}{likeliest}"


def open_doubts(published: PublishedModel) -> Doubts:
    """Return the reasons for doubt of a published model, whose files were checked.

    Raises:
        ModelError: the subspace of the training images, or the first layer, cannot be read.
    """
    uncertainty = published.manifest.uncertainty
    if published.manifest.task != "multiclass":
        return Doubts()
    if uncertainty is None or SUBSPACE_FILE not in published.manifest.files:
        return Doubts(uncertainty)
    layer = first_layer(artifact_path(published.path, "onnx"))
    subspace = read_subspace(published.path / SUBSPACE_FILE, layer)
    units = len(subspace.mean)  # of a very wide layer, not all
    layer = DenseLayer(layer.kernel[:, :units].copy(), layer.bias[:units])
    return Doubts(uncertainty, Familiarity(layer, subspace, uncertainty.max_distance))
