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

from pipeline.artifacts.checks import Check, check_from_json
from pipeline.artifacts.files import FileDescription
from pipeline.artifacts.metrics import Metrics, metrics_from_json
from pipeline.artifacts.model_contract import Contract
from pipeline.artifacts.reduced_precision import Copy
from pipeline.artifacts.serialization import from_json
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


def _as_copy(value: Any) -> Copy:
    return value if isinstance(value, Copy) else from_json(Copy, value)


class Description(_Strict):
    """The manifest of a version without its number and its files."""

    name: str
    task: str = "multiclass"
    output: str | None = None
    target: str | dict[str, Any] = "label"
    formats: tuple[str, ...] = Field(min_length=1)
    contract: Contract
    class_names: tuple[str, ...]
    config: dict[str, Any]
    data: PublishedData
    parameters: int = 0
    metrics: Annotated[dict[str, SplitMetrics], AfterValidator(_require_test)]
    verification: Annotated[tuple[PublishedCheck, ...], _if_readable(_as_check)] = ()
    copies: Annotated[tuple[Copy, ...], _if_readable(_as_copy)] = ()
    signatures: tuple[str, ...] = ()
    stages: Fingerprints
    versions: dict[str, str] = Field(default_factory=dict)

    def open_task(self) -> Task:
        """Return the task, with the output of this model.

        Raises:
            RequestError: a newer version of this package has it, but not this one.
        """
        return task_named(self.task, self.output)


def _require_inside(name: str) -> str:
    if name.startswith("/") or ".." in PurePosixPath(name).parts:
        raise ValueError(f"the path of a file must lead into the folder; got {name}")
    return name


class Manifest(Description):
    """The complete manifest of a version."""

    version: int = Field(ge=1)
    fingerprint: str
    files: dict[Annotated[str, AfterValidator(_require_inside)], FileDescription]
