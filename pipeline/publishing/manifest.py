"""The schema of ``manifest.json`` in a published version."""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
)

from pipeline.artifacts.answer_distribution import AnswerDistribution
from pipeline.artifacts.checks import Check, check_from_json
from pipeline.artifacts.files import FileDescription
from pipeline.artifacts.metrics import Interval, MemberScore, Metrics, metrics_from_json
from pipeline.artifacts.model_contract import Contract
from pipeline.artifacts.preprocessing import Preprocessing, older_preprocessing
from pipeline.artifacts.reduced_precision import Copy
from pipeline.artifacts.serialization import from_json
from pipeline.artifacts.uncertainty import Uncertainty
from pipeline.config.key_errors import InvalidValue
from pipeline.config.target import Target, target_text
from pipeline.errors import ModelError
from pipeline.publishing.provenance import Provenance
from pipeline.tasks.registry import task_named
from pipeline.tasks.task import Task


class _Strict(BaseModel):
    """Base of the models here; fields with a default may be missing in older versions."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)


class PublishedData(_Strict):
    """The data that a version was trained and tested on, with the number of images per split."""

    name: str
    source: str
    origin: str = ""
    train: int = 0
    validation: int = 0
    test: int = 0
    sampled: bool
    test_sha256: str


class Fingerprints(_Strict):
    """The fingerprints of the run by stage, as far as later commands look them up."""

    data: str
    train: str
    evaluate: str


def _as_metrics(value: Any) -> Metrics:
    return value if isinstance(value, Metrics) else metrics_from_json(value)


SplitMetrics = Annotated[
    Metrics, BeforeValidator(_as_metrics), PlainSerializer(lambda metrics: metrics.as_json())
]
PublishedCheck = Annotated[Check, PlainSerializer(lambda check: check.as_json())]


def _require_test(metrics: dict[str, Metrics]) -> dict[str, Metrics]:
    if "test" not in metrics:
        raise ValueError("the metrics of the test split are missing")
    return metrics


def _if_readable(read_row: Callable[[Any], Any]) -> BeforeValidator:
    """Read rows, or none if another version wrote them in a different form.

    They are only informative, so a model is not rejected because of them.
    """

    def read(value: Any) -> Any:
        try:
            return tuple(map(read_row, value))
        except (TypeError, ValueError):
            return ()

    return BeforeValidator(read)


def _as_check(value: Any) -> Check:
    return value if isinstance(value, Check) else check_from_json(value)


def _as_distribution(value: Any) -> AnswerDistribution | None:
    if value is None or isinstance(value, AnswerDistribution):
        return value
    try:
        return from_json(AnswerDistribution, value)
    except ValueError:  # informative, as above
        return None


def _as_copy(value: Any) -> Copy:
    if isinstance(value, dict) and "accuracy_drop" in value:  # of older versions
        score = {"score_name": "accuracy", "score": value["accuracy"], "unit": "points"}
        value = {**value, **score, "worse_by": value["accuracy_drop"]}
    return value if isinstance(value, Copy) else from_json(Copy, value)


class Description(_Strict):
    """The manifest of a version without its number and its files.

    ``published`` is the time of publication, UTC as in ISO 8601, ``command`` the command that was
    run; ``members`` are the scores of the networks of a committee, ``intervals`` those of the
    scores on the test set, ``report`` the measures of the report, ``uncertainty`` what makes
    predictions unsure, for several classes, ``provenance`` what the files were made from, and
    ``test_answers`` how the predictions for the test set are distributed. Older versions have none
    of them.
    """

    name: str
    published: str = ""
    command: str = ""
    license: str | None = None
    task: str = "multiclass"
    output: str | None = None
    target: Target = "label"
    formats: tuple[str, ...] = Field(min_length=1)
    contract: Contract
    preprocessing: Preprocessing | None = None
    class_names: tuple[str, ...]
    config: dict[str, Any]
    data: PublishedData
    parameters: int = 0
    metrics: Annotated[dict[str, SplitMetrics], AfterValidator(_require_test)]
    members: tuple[MemberScore, ...] = ()
    intervals: dict[str, Interval] = Field(default_factory=dict)
    verification: Annotated[tuple[PublishedCheck, ...], _if_readable(_as_check)] = ()
    copies: Annotated[tuple[Copy, ...], _if_readable(_as_copy)] = ()
    report: dict[str, Any] | None = None
    uncertainty: Uncertainty | None = None
    test_answers: Annotated[AnswerDistribution | None, BeforeValidator(_as_distribution)] = None
    signatures: tuple[str, ...] = ()
    stages: Fingerprints
    versions: dict[str, str] = Field(default_factory=dict)
    provenance: Provenance | None = None

    @property
    def picture_preprocessing(self) -> Preprocessing:
        """What turns pictures into the images of the model; in older versions, the one of then.

        Raises:
            ModelError: the manifest names one for images of another shape.
        """
        shape, named = self.contract.image_shape, self.preprocessing
        if named is None:
            return older_preprocessing(self.data.name, shape)
        if named.image_shape != shape:
            raise ModelError(
                f"The manifest of {self.name} contradicts itself: preprocessing returns images of "
                f"shape {named.image_shape}, and the model takes {shape}. Publish the model again "
                "(pipeline run)."
            )
        return named

    def open_task(self) -> Task:
        """Return the task, with the output of this model.

        Raises:
            RequestError: a newer version of this package has it, but not this one.
            ModelError: the output or the classes in the manifest are not of the task.
        """
        try:
            task = task_named(self.task, self.output)
            task.check_classes(self.class_names, target_text(self.target))
        except InvalidValue as error:
            raise ModelError(
                f"The manifest of {self.name} contradicts itself: {error} Publish the model again "
                "(pipeline run)."
            ) from error
        expected = (task.output(len(self.class_names)),)
        if self.contract.outputs != expected:
            raise ModelError(
                f"The manifest of {self.name} contradicts itself: the output of the task "
                f"{self.task} must be {expected[0]}; got {self.contract}. Publish the model again "
                "(pipeline run)."
            )
        return task


def _require_inside(name: str) -> str:
    if name.startswith("/") or ".." in PurePosixPath(name).parts:
        raise ValueError(f"the path of a file must lead into the folder; got {name}")
    return name


class Manifest(Description):
    """The complete manifest of a version."""

    version: int = Field(ge=1)
    fingerprint: str
    files: dict[Annotated[str, AfterValidator(_require_inside)], FileDescription]
