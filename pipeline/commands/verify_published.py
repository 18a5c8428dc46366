"""Proving a published model again: the same test set, the same reference, this machine."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.artifacts.checks import Check
from pipeline.artifacts.data_set import TEST_PROBABILITIES_FILE, split_file
from pipeline.artifacts.data_source import SAMPLE, Source
from pipeline.artifacts.formats import artifact_path
from pipeline.artifacts.model_contract import ENCODED_SIGNATURE
from pipeline.artifacts.stage_facts import DataFacts, EvaluateFacts
from pipeline.config.places import Places
from pipeline.config.reading import validate
from pipeline.config.schema import Config
from pipeline.errors import DataFileError, ModelError, VerificationFailed
from pipeline.publishing.published_folder import PublishedModel
from pipeline.runtimes.isolated import ask
from pipeline.runtimes.registry import choose_runtime
from pipeline.runtimes.requirements import require_runnable
from pipeline.stages import run_stages
from pipeline.tasks.registry import task_named
from pipeline.verification.comparing import Reference
from pipeline.verification.running import artifacts_in, verify

KERAS = "keras"

if TYPE_CHECKING:
    from pipeline.engine.workspace import Workspace
    from pipeline.progress import Progress


def verify_published(
    published: PublishedModel,
    runtimes: Sequence[str],
    workspace: "Workspace",
    progress: "Progress",
) -> list[Check]:
    """Compare files with the manifest, then every artifact with the trained model.

    Raises:
        VerificationFailed: a file was altered; none is opened then.
        DataFileError: the test set that can be had is not the one of the publication.
    """
    only = [choose_runtime(name) for name in runtimes] or None
    alterations = published.alterations()
    if alterations:
        listed = "\n".join(f"  - {alteration}" for alteration in alterations)
        raise VerificationFailed(
            f"Every file of {published.path} must be as it was published; got:\n{listed}\n"
            "Nothing of it was opened. Restore the files, or publish again (pipeline run)."
        )
    _require_reference(published, workspace)
    reference = _reference(published, _test_set(published, workspace, progress), workspace)
    encoded = ENCODED_SIGNATURE in published.described.signatures
    artifacts = artifacts_in(published.path, published.formats, entrances=encoded)
    require_runnable([artifact.format for artifact in artifacts], only)
    checks = verify(artifacts, reference, progress, only=only)
    itself = _kept_answers(published, workspace) is None  # model.keras stands for the run
    return [replace(c, is_reference=itself and c.runtime == KERAS) for c in checks]


def _test_set(published: PublishedModel, workspace: "Workspace", progress: "Progress") -> Path:
    """Return the folder of the data stage: kept from the run, or made again."""
    manifest = published.described
    kept = workspace.store.find_files(DataFacts.stage, manifest.stages.data)
    if kept is None or not kept.is_unaltered():
        source = Source(SAMPLE, "as at the publication") if manifest.data.sampled else None
        [data] = run_stages(_config(published), workspace, progress, until="data", source=source)
        kept = data.output
    found = kept.outputs[split_file("test", "images")].sha256
    wanted = manifest.data.test_sha256
    if found != wanted:
        raise DataFileError(
            f"The test set must be the one of the publication, SHA-256 {wanted}; got {found} in "
            f"{kept.path}: only another set could be reached. Make the data available as it was "
            "then; see pipeline doctor."
        )
    return kept.path


def _config(published: PublishedModel) -> Config:
    """Return the configuration of the run; folders are those of this machine, not of that one."""
    values = published.described.config
    here = {"manual_dir": None, "tfds_dir": None, "mirrors": None}
    place = str(published.path / "manifest.json")
    return validate({**values, "data": {**values["data"], **here}}, Places(place))


def _require_reference(published: PublishedModel, workspace: "Workspace") -> None:
    if _kept_answers(published, workspace) is None and "keras" not in published.formats:
        raise ModelError(
            f"A model must hold model.keras, or its run must be kept in {workspace.store.root}, "
            f"to be verified; got neither for {published.path}. Publish it with the format keras."
        )


def _kept_answers(published: PublishedModel, workspace: "Workspace") -> Path | None:
    """Return the file with what Keras answered in the run, unless it is gone or was altered."""
    kept = workspace.store.find_files(EvaluateFacts.stage, published.described.stages.evaluate)
    if kept is None or not kept.is_unaltered():
        return None
    return kept.path / TEST_PROBABILITIES_FILE


def _reference(published: PublishedModel, data: Path, workspace: "Workspace") -> Reference:
    """Return Keras' answers: those kept from the run, else from the published Keras model."""
    images = data / split_file("test", "images")
    kept = _kept_answers(published, workspace)
    if kept is not None:
        probabilities = np.load(kept)
    else:
        model = artifact_path(published.path, "keras")
        probabilities = ask(choose_runtime(KERAS), model, images).probabilities
    return Reference(
        images=images,
        labels=np.load(data / split_file("test", "labels")),
        probabilities=probabilities,
        contract=published.described.contract,
        task=task_named(published.described.task),
    )
