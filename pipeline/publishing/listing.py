"""Listing the published models, with what is wrong with them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pipeline.errors import ModelError, sentence
from pipeline.publishing.pins import read_pins
from pipeline.publishing.published_folder import (
    PublishedModel,
    missing_version,
    read_labels,
    read_version,
    versions_of,
)


def list_published(exported: Path) -> tuple[list[PublishedModel], list[ModelError]]:
    """Return all versions in ``exported``, sorted by name and number, and errors of broken ones.

    A label that refers to a version that does not exist is an error too. The errors of a broken
    version name its labels.
    """
    models: list[PublishedModel] = []
    broken: list[ModelError] = []
    for folder in sorted(path for path in exported.glob("*") if path.is_dir()):
        try:
            labels = read_labels(folder)
        except ModelError as error:
            broken.append(error)
            continue
        try:
            pins = read_pins(folder)
        except ModelError as error:
            broken.append(error)
            pins = {}
        versions = versions_of(folder)
        for version in versions:
            try:
                model = read_version(folder / str(version), labels)
            except ModelError as error:
                broken.append(_with_labels(error, version, labels))
                continue
            pinned = tuple(label for label in model.labels if label in pins)
            models.append(replace(model, pinned=pinned))
        missing = {label: number for label, number in labels.items() if number not in versions}
        broken += [missing_version(folder, *one) for one in missing.items()]
    return models, broken


def _with_labels(error: ModelError, version: int, labels: Mapping[str, int]) -> ModelError:
    """Return the error of a version that cannot be read, with the labels that refer to it."""
    found = " and ".join(label for label, number in labels.items() if number == version)
    return ModelError(f"{sentence(error, None)} It has the label {found}.") if found else error
