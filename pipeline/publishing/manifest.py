"""What readers of published models rely on in ``manifest.json``."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class File(BaseModel):
    """One published file."""

    bytes: int = Field(ge=0)
    sha256: str


class DataFacts(BaseModel):
    """Which data a version was trained and tested on."""

    model_config = ConfigDict(strict=True, extra="allow")

    name: str
    source: str
    sampled: bool
    test_sha256: str


class Stages(BaseModel):
    """The fingerprints of the run; those that others look up."""

    model_config = ConfigDict(strict=True, extra="allow")

    data: str
    train: str
    evaluate: str


class Manifest(BaseModel):
    """What readers rely on in ``manifest.json``; there is more in it."""

    model_config = ConfigDict(strict=True, extra="allow")

    name: str
    version: int = Field(ge=1)
    fingerprint: str
    formats: list[str] = Field(min_length=1)
    class_names: list[str]
    contract: dict[str, Any]
    config: dict[str, Any]
    data: DataFacts
    metrics: dict[str, dict[str, Any]]
    stages: Stages
    files: dict[str, File]
