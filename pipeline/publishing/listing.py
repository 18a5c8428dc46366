"""Listing the published models, with what is wrong with them."""

from pathlib import Path

from pipeline.errors import ModelError
from pipeline.publishing.published_folder import (
    PublishedModel,
    missing_version,
    read_labels,
    read_version,
    versions_of,
)


def list_published(exported: Path) -> tuple[list[PublishedModel], list[ModelError]]:
    """Return all versions in ``exported``, sorted by name and number, and errors of broken ones.

    A label that refers to a version that does not exist is an error too.
    """
    models: list[PublishedModel] = []
    broken: list[ModelError] = []
    for folder in sorted(path for path in exported.glob("*") if path.is_dir()):
        try:
            labels = read_labels(folder)
        except ModelError as error:
            broken.append(error)
            continue
        versions = versions_of(folder)
        for version in versions:
            try:
                models.append(read_version(folder / str(version), labels))
            except ModelError as error:
                broken.append(error)
        missing = {label: number for label, number in labels.items() if number not in versions}
        broken += [missing_version(folder, *one) for one in missing.items()]
    return models, broken
