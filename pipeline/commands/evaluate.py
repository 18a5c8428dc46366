"""``pipeline evaluate``: a model on labeled pictures, or on the test set, as it is or changed."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from pipeline.artifacts.data_set import Split, read_data
from pipeline.commands.evaluation import Answer, Evaluation, Outcome
from pipeline.commands.labeled_pictures import NO_CLASS, LabeledPicture, labeled_pictures
from pipeline.commands.loading import PathLike
from pipeline.commands.predict import Prediction, Reader, open_reader
from pipeline.engine.workspace import Workspace
from pipeline.errors import ImageError, RequestError
from pipeline.imaging.image_files import Pictures, read_images
from pipeline.progress import IMAGES, Progress
from pipeline.publishing.locating import locate
from pipeline.publishing.published_folder import find_published
from pipeline.reporting.measures.changes import Change, Images, changes_for

_CHUNK = 500  # test images per step
_LISTED = 10  # classes in a message


def evaluate(
    model: PathLike,
    pictures: Path | None,
    augment: Mapping[str, float],
    workspace: Path,
    progress: Progress,
) -> Evaluation:
    """Return what a model answers to labeled pictures, or to the test set without any.

    ``augment`` changes test images: the strength of each change by its name, in this order.

    Raises:
        ModelError: the model cannot be opened.
        DataFileError: there are no labeled pictures, or the test set is not available.
        RequestError: the labels are not those of the model, or a change is unknown.
    """
    reader = open_reader(model, workspace=workspace)
    if pictures is None:
        changes = _changes(reader, augment)
        test = _test_split(model, Workspace(workspace), progress)
        return _on_test_set(reader, test, changes, progress)
    if augment:
        raise RequestError(
            "--augment changes the images of the test set; got labeled pictures as well. Remove "
            "one of the two."
        )
    found = labeled_pictures(pictures)
    _require_labels(reader, found)
    return _on_pictures(reader, str(pictures), found, progress)


def _require_labels(reader: Reader, pictures: list[LabeledPicture]) -> None:
    """Check that every label is a class of the model, or a number if it predicts values."""
    for picture in pictures:
        if reader.class_names and picture.label not in {*reader.class_names, NO_CLASS}:
            raise RequestError(
                f"The labels must be classes of the model ({_listed(reader.class_names)}); got "
                f"{picture.label!r} for {picture.name}. Rename the folder, or correct the label; "
                "in a CSV file, the label of a picture that shows none of the classes is empty."
            )
        if not reader.class_names and not _is_number(picture.label):
            raise RequestError(
                f"The model predicts values, so labels must be numbers; got {picture.label!r} for "
                f"{picture.name}."
            )


def _on_pictures(
    reader: Reader, source: str, pictures: list[LabeledPicture], progress: Progress
) -> Evaluation:
    answers = []
    with progress.task("evaluating", total=len(pictures), unit=IMAGES) as task:
        for picture in pictures:
            try:
                predictions = reader.predict([picture.path])
            except ImageError as error:
                answers.append(_unreadable(picture, str(error)))
            else:
                answers.append(_only_answer(picture, predictions))
            task.update(len(answers))
    paths = {picture.name: picture.path for picture in pictures}

    def image(name: str) -> Images | None:
        try:
            images: Images = read_images(paths[name], reader.preprocessing)
            return np.asarray(images[0])
        except ImageError:  # it was removed meanwhile
            return None

    return Evaluation(str(reader.model), source, reader.class_names, tuple(answers), image)


def _test_split(model: PathLike, workspace: Workspace, progress: Progress) -> Split:
    from pipeline.commands.verify_published import find_test_set  # takes longer to import

    path = locate(model, workspace.exported)
    if path.is_file():
        raise RequestError(
            f"Only published models have a test set; got the file {path}. Specify labeled "
            "pictures: a folder with a folder for each class, or a .csv file."
        )
    return read_data(find_test_set(find_published(path), workspace, progress)).test


def _on_test_set(
    reader: Reader, test: Split, changes: list[tuple[Change, float]], progress: Progress
) -> Evaluation:
    @lru_cache(maxsize=1)
    def changed(first: int) -> Images:
        images: Images = np.asarray(test.images[first : first + _CHUNK])
        for change, strength in changes:
            images = change.apply(images, strength)
        return images

    answers: list[Answer] = []
    with progress.task("evaluating", total=len(test.labels), unit=IMAGES) as task:
        for first in range(0, len(test.labels), _CHUNK):
            for prediction in reader.describe("test", Pictures(changed(first))):
                number = test.labels[len(answers)]
                label = (
                    reader.class_names[int(number)] if reader.class_names else str(float(number))
                )
                answers.append(_answer(f"test image {len(answers)}", label, prediction))
            task.update(len(answers))

    def image(name: str) -> Images:
        number = int(name.rsplit(maxsplit=1)[-1])
        images: Images = changed(number - number % _CHUNK)
        return np.asarray(images[number % _CHUNK])

    shown = ", ".join(f"{change.name} {strength:g}" for change, strength in changes)
    return Evaluation(
        str(reader.model), "the test set", reader.class_names, tuple(answers), image, shown
    )


def _changes(reader: Reader, augment: Mapping[str, float]) -> list[tuple[Change, float]]:
    known = {change.name: change for change in changes_for(reader.preprocessing.image_shape)}
    short = {"rotate": "rotation", "invert": "inversion"}
    named = {short.get(name, name): strength for name, strength in augment.items()}
    unknown = [name for name in named if name not in known]
    if unknown:
        raise RequestError(
            f"--augment must be {', '.join(f'{name}=STRENGTH' for name in known)}, separated by "
            f"commas; got {unknown[0]!r}."
        )
    if len(named) < len(augment):
        raise RequestError(f"--augment must name each change once; got {', '.join(augment)}.")
    height, width, _ = reader.preprocessing.image_shape
    side = max(height, width)
    limits = {"shift": side, "thickness": side, "rotation": 360, "noise": 1, "inversion": 1}
    for name, strength in named.items():
        lowest = 0 if name in {"noise", "inversion"} else -limits[name]
        if not lowest <= strength <= limits[name]:
            raise RequestError(
                f"The strength of {name} must be from {lowest} to {limits[name]}; got {strength:g}."
            )
    return [(known[name], strength) for name, strength in named.items()]


def _answer(name: str, label: str, prediction: Prediction) -> Answer:
    return Answer(
        name=name,
        label=label,
        answer=prediction.label,
        probability=prediction.probability,
        value=prediction.value,
        unsure=prediction.unsure,
        reason=prediction.reason,
        outcome=_outcome(label, prediction),
    )


def _only_answer(picture: LabeledPicture, predictions: list[Prediction]) -> Answer:
    if len(predictions) != 1:
        count = f"it must contain one image; got {len(predictions)}"
        advice = "Split it into files of one image each."
        return _unreadable(picture, f"Cannot evaluate {picture.name}: {count}. {advice}")
    return _answer(picture.name, picture.label, predictions[0])


def _outcome(label: str, prediction: Prediction) -> Outcome:
    if prediction.label is None and prediction.value is None:
        return "right" if label == NO_CLASS else "no answer"
    return "right" if prediction.is_value or prediction.label == label else "wrong"


def _unreadable(picture: LabeledPicture, reason: str) -> Answer:
    return Answer(
        name=picture.name,
        label=picture.label,
        answer=None,
        probability=None,
        value=None,
        unsure=True,
        reason=reason,
        outcome="unreadable",
    )


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_LISTED])
    return f"{shown}, ..." if len(names) > _LISTED else shown


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
