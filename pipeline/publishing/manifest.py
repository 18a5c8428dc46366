"""``manifest.json`` of a published version: what it says, and what its readers rely on."""

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
)

from pipeline.artifacts.checks import Check
from pipeline.artifacts.files import FileDescription
from pipeline.artifacts.metrics import Metrics, metrics_from_json
from pipeline.artifacts.model_contract import Contract
from pipeline.artifacts.reduced_precision import Copy
from pipeline.artifacts.serialization import from_json


class _Strict(BaseModel):
    """Fields without a default are relied on; the others are missing in older versions."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)


class PublishedData(_Strict):
    """Which data a version was trained and tested on, and the number of images of each split."""

    name: str
    source: str
    origin: str = ""
    train: int = 0
    validation: int = 0
    test: int = 0
    sampled: bool
    test_sha256: str


class Fingerprints(_Strict):
    """The fingerprints of the run, by stage; those that others look up."""

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
        raise ValueError("metrics without those of the split test")
    return metrics


def _if_readable(kind: type) -> BeforeValidator:
    """Read rows of a dataclass; none where another version wrote them otherwise.

    They only inform: no model is refused for them.
    """

    def read(value: Any) -> Any:
        try:
            return from_json(tuple[kind, ...], value)  # type: ignore[valid-type]
        except ValueError:
            return ()

    return BeforeValidator(read)


class Description(_Strict):
    """What a manifest says of a version besides its number and its files."""

    name: str
    task: str = "multiclass"
    formats: tuple[str, ...] = Field(min_length=1)
    contract: Contract
    class_names: tuple[str, ...]
    config: dict[str, Any]
    data: PublishedData
    parameters: int = 0
    metrics: Annotated[dict[str, SplitMetrics], AfterValidator(_require_test)]
    verification: Annotated[tuple[PublishedCheck, ...], _if_readable(Check)] = ()
    copies: Annotated[tuple[Copy, ...], _if_readable(Copy)] = ()
    signatures: tuple[str, ...] = ()
    stages: Fingerprints
    versions: dict[str, str] = Field(default_factory=dict)


class Manifest(Description):
    """The whole manifest of a version."""

    version: int = Field(ge=1)
    fingerprint: str
    files: dict[str, FileDescription]
