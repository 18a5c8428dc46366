"""Predict image files with a model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.artifacts.preprocessing import Preprocessing, preprocessing_in
from pipeline.commands.loading import PathLike, load_model, open_isolated, task_of_model
from pipeline.engine.workspace import Workspace
from pipeline.errors import ModelError
from pipeline.imaging.image_files import Pictures, read_pictures
from pipeline.publishing.doubts import Doubts, open_doubts
from pipeline.publishing.locating import locate
from pipeline.publishing.published_folder import find_published
from pipeline.runtimes.predictor import Predictor
from pipeline.tasks.task import DisplayedPrediction, Predictions, Task


@dataclass(frozen=True)
class ReadDigit:
    """One digit of a picture: its label or value, and its box: left, top, right, bottom.

    ``unsure`` says that the digit alone is in doubt.
    """

    label: str | None
    probability: float | None
    value: float | None
    box: tuple[int, int, int, int]
    unsure: bool = False


@dataclass(frozen=True)
class Prediction:
    """The prediction for one image of one file: a label with its probability, or a value.

    All of them are None for a picture without a single digit. ``reason`` says why the answer is in
    doubt: the picture is not a single, whole digit, the probability is low, or the image is unlike
    the training images; ``unsure`` is set then. ``digits`` are those of a picture from left to
    right, None for other images. ``is_value`` tells that the model predicts values, also where
    there is none.
    """

    file: str
    index: int
    label: str | None
    probability: float | None
    probabilities: dict[str, float]
    value: float | None = None
    unsure: bool = False
    reason: str | None = None
    digits: tuple[ReadDigit, ...] | None = None
    is_value: bool = False


@dataclass(frozen=True)
class Reader:
    """A model that predicts files; ``doubts`` tells which predictions are unsure."""

    model: PathLike
    predictor: Predictor
    task: Task
    preprocessing: Preprocessing
    doubts: Doubts

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, numbers if the file has none; empty if it predicts values."""
        names = self.predictor.class_names
        if names or self.task.predicts_value:
            return names
        [output] = self.predictor.contract.outputs
        return tuple(map(str, range(max(2, int(output.shape[-1] or 0)))))

    def predict(self, files: Sequence[PathLike]) -> list[Prediction]:
        """Return the prediction for every image in image files or ``.npy`` arrays.

        Raises:
            ModelError: the model predicts infinity or NaN.
            ImageError: a file is not an image of the right size and kind; nothing is predicted.
        """
        read = [read_pictures(Path(file), self.preprocessing) for file in files]
        pairs = zip(files, read, strict=True)
        return [one for file, each in pairs for one in self.describe(str(file), each)]

    def describe(self, file: str, pictures: Pictures) -> list[Prediction]:
        """Return a prediction for each image of an array, or the only one for a picture.

        Raises:
            ModelError: the model predicts infinity or NaN.
        """
        images = pictures.images
        rows: Sequence[Any] | Predictions = self.predictor.predict(images) if len(images) else []
        if not np.isfinite(rows).all():
            raise self.not_finite()
        displayed = [self.task.describe(row, self.class_names) for row in rows]
        reasons = self.doubts.reasons(images, rows, displayed)
        predictions = _predictions(file, pictures, displayed, reasons)
        return [replace(one, is_value=self.task.predicts_value) for one in predictions]

    def not_finite(self) -> ModelError:
        """Return the error for predictions that are infinity or NaN."""
        return ModelError(
            f"{self.model} predicts infinity or NaN. Do not use it: verify it (pipeline "
            "verify) or publish it again."
        )


def open_reader(model: PathLike, *, workspace: PathLike = ".") -> Reader:
    """Open a published model, or a file of one, to predict pictures.

    Raises:
        ModelError: the model cannot be opened.
    """
    path = locate(model, Workspace(Path(workspace)).exported)
    return reader_of(model, path, open_isolated(path) if path.is_file() else load_model(path))


def reader_of(model: PathLike, path: Path, predictor: Predictor) -> Reader:
    """Return the reader of an opened model, published in a folder or a single file."""
    return Reader(
        model,
        predictor,
        task_of_model(predictor),
        preprocessing_in(predictor.metadata, predictor.contract.image_shape),
        Doubts() if path.is_file() else open_doubts(find_published(path)),
    )


def predict(
    model: PathLike, files: Sequence[PathLike], *, workspace: PathLike = "."
) -> list[Prediction]:
    """Return the prediction for every image in image files or ``.npy`` arrays.

    Raises:
        ModelError: the model cannot be opened.
        ImageError: a file is not an image of the right size and kind; nothing is predicted then.
    """
    return open_reader(model, workspace=workspace).predict(files)


def _predictions(
    file: str,
    read: Pictures,
    displayed: Sequence[DisplayedPrediction],
    reasons: Sequence[str | None],
) -> list[Prediction]:
    """Return a prediction for each image of an array, or the only one for a picture."""
    if read.finding is None:
        pairs = enumerate(zip(displayed, reasons, strict=True))
        return [_prediction(file, index, each, reason) for index, (each, reason) in pairs]
    digits = tuple(
        ReadDigit(
            each.label,
            _float_or_none(each.probability),
            _float_or_none(each.value),
            digit.box,
            unsure=reason is not None,
        )
        for each, digit, reason in zip(displayed, read.finding.digits, reasons, strict=True)
    )
    single, doubt = DisplayedPrediction(), None
    if len(displayed) == 1:
        [single], [doubt] = displayed, reasons
    found = _prediction(file, 0, single, read.finding.reason or doubt)
    return [replace(found, digits=digits)]


def _prediction(
    file: str, index: int, displayed: DisplayedPrediction, reason: str | None
) -> Prediction:
    return Prediction(
        file=file,
        index=index,
        label=displayed.label,
        probability=_float_or_none(displayed.probability),
        probabilities={name: float(value) for name, value in displayed.probabilities.items()},
        value=_float_or_none(displayed.value),
        unsure=reason is not None,
        reason=reason,
    )


def _float_or_none(number: np.float32 | None) -> float | None:
    return None if number is None else float(number)
