"""Dated records of later verifications of a version: ``verifications/VERSION-FINGERPRINT.json``.

A run whose files are those of a published version, verified in other runtimes for instance, adds a
record instead of a version. It lies beside the versions, whose folders never change.
"""

import json
from pathlib import Path

from pipeline.publishing.manifest import Description
from pipeline.system.atomic import explain_storage_errors, write_file

RECORDS = "verifications"


def write_record(
    model_folder: Path, version: int, fingerprint: str, description: Description
) -> None:
    """Write when and with what result the files of a version were verified again.

    Raises:
        StorageError: the file cannot be written.
    """
    document = description.model_dump(mode="json", include={"published", "command", "versions"})
    document = {
        "version": version,
        "fingerprint": fingerprint,
        "verified": document.pop("published"),
        **document,
        "verification": [check.as_json() for check in description.verification],
    }
    path = _path(model_folder, version, fingerprint)
    with explain_storage_errors(path):
        path.parent.mkdir(exist_ok=True)
    write_file(path, (json.dumps(document, indent=2) + "\n").encode())


def has_record(model_folder: Path, version: int, fingerprint: str) -> bool:
    """Return whether a run with this fingerprint has verified the version."""
    return _path(model_folder, version, fingerprint).is_file()


def records_of(model_folder: Path) -> frozenset[str]:
    """Return the names of all records of a model."""
    return frozenset(path.name for path in (model_folder / RECORDS).glob("*.json"))


def _path(model_folder: Path, version: int, fingerprint: str) -> Path:
    return model_folder / RECORDS / f"{version}-{fingerprint}.json"
