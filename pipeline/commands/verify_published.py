"""Verifying a published model on this machine, with the same test set and reference."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.checks import Check
from pipeline.artifacts.data_set import (
    TEST_PROBABILITIES_FILE,
    TRAINED_MODEL_FILE,
    split_file,
)
from pipeline.artifacts.data_source import SAMPLE, Source
from pipeline.artifacts.formats import artifact_path
from pipeline.artifacts.model_contract import ENCODED_SIGNATURE
from pipeline.artifacts.stage_facts import DataFacts, EvaluateFacts, TrainFacts
from pipeline.config.places import Places
from pipeline.config.reading import validate
from pipeline.config.schema import Config
from pipeline.errors import DataFileError, ModelError, VerificationFailed, WorkerFailed, sentence
from pipeline.publishing.published_folder import PublishedModel
from pipeline.runtimes.isolated import run_isolated
from pipeline.runtimes.limits import seconds_for
from pipeline.runtimes.registry import choose_runtime
from pipeline.runtimes.requirements import require_runnable
from pipeline.stages import run_stages
from pipeline.verification.comparing import Reference, exact_reference
from pipeline.verification.network import Network
from pipeline.verification.reading_back import trained_network
from pipeline.verification.running import artifacts_in, verify
from pipeline.verification.weights.reading import read_isolated

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
    """Compare the files with the manifest, then every artifact with the trained model.

    Raises:
        VerificationFailed: a file was altered, so that none is opened.
        DataFileError: the available test set is not the one used for publication.
    """
    only = [choose_runtime(name) for name in runtimes] or None
    alterations = published.alterations()
    if alterations:
        listed = "\n".join(f"  - {alteration}" for alteration in alterations)
        raise VerificationFailed(
            f"{published.path} was altered after it was published:\n{listed}\n"
            "None of its files were opened. Restore them, or publish again (pipeline run)."
        )
    _require_reference(published, workspace)
    reference = _reference(published, find_test_set(published, workspace, progress), workspace)
    encoded = ENCODED_SIGNATURE in published.manifest.signatures
    artifacts = artifacts_in(published.path, published.formats, has_encoded_inputs=encoded)
    require_runnable([artifact.format for artifact in artifacts], only)
    seconds = seconds_for(len(reference.labels))
    checks = verify(artifacts, reference, progress, only=only, timeout_seconds=seconds)
    # Without exact and stored predictions, those of model.keras are the reference.
    itself = reference.allowed is None and _stored_predictions(published, workspace) is None
    return [replace(c, is_reference=itself and c.runtime == KERAS) for c in checks]


def find_test_set(published: PublishedModel, workspace: "Workspace", progress: "Progress") -> Path:
    """Return the output folder of the data stage: from the original run, or recreated.

    Raises:
        DataFileError: the available test set is not the one used for publication.
    """
    manifest = published.manifest
    stored = workspace.store.find_files(DataFacts.stage, manifest.stages.data)
    if stored is None or not stored.is_unaltered():
        source = Source(SAMPLE, "as at the publication") if manifest.data.sampled else None
        [data] = run_stages(_config(published), workspace, progress, until="data", source=source)
        stored = data.output
    found = stored.outputs[split_file("test", "images")].sha256
    wanted = manifest.data.test_sha256
    if found != wanted:
        raise DataFileError(
            f"The test set must be the one used for publication, with SHA-256 {wanted}; got "
            f"{found} in {stored.path}. Provide the original data; pipeline doctor shows which "
            "data is available."
        )
    return stored.path


def _config(published: PublishedModel) -> Config:
    """Return the configuration of the run, without folders and hosts of the original machine."""
    values = published.manifest.config
    here = {"manual_dir": None, "tfds_dir": None, "mirrors": None}
    place = str(published.path / "manifest.json")
    return validate({**values, "data": {**values["data"], **here}}, Places(place))


def _require_reference(published: PublishedModel, workspace: "Workspace") -> None:
    if _stored_predictions(published, workspace) is None and "keras" not in published.formats:
        raise ModelError(
            f"Verification requires model.keras in {published.path}, or the output of its run in "
            f"{workspace.store.root}; found neither. Add keras to export.formats and publish again."
        )


def _stored_predictions(published: PublishedModel, workspace: "Workspace") -> Path | None:
    """Return the file with Keras' predictions from the run, unless it is missing or altered."""
    stored = workspace.store.find_files(EvaluateFacts.stage, published.manifest.stages.evaluate)
    if stored is None or not stored.is_unaltered():
        return None
    return stored.path / TEST_PROBABILITIES_FILE


def _predict_in_keras(model: Path, images: Path, seconds: float) -> npt.NDArray[np.float32]:
    try:
        result = run_isolated(choose_runtime(KERAS), model, images, timeout_seconds=seconds)
    except WorkerFailed as error:
        raise WorkerFailed(
            f"The predictions of {model} in {KERAS} are the reference, but it could not be run: "
            f"{sentence(error)} Try again with more free memory, or verify in the workspace of the "
            "original run, which stores the reference."
        ) from error
    return result.probabilities


def _trained(published: PublishedModel, workspace: "Workspace") -> Network | None:
    """Return the network from the output of the run, else from the published Keras model."""
    stored = workspace.store.find_files(TrainFacts.stage, published.manifest.stages.train)
    if stored is not None and stored.is_unaltered():
        return trained_network(stored.path / TRAINED_MODEL_FILE)
    if KERAS in published.formats:
        return trained_network(artifact_path(published.path, KERAS), read=read_isolated)
    return None


def _reference(published: PublishedModel, data: Path, workspace: "Workspace") -> Reference:
    """Return the exact predictions of the trained network.

    Where they cannot be computed, return Keras' own: those stored by the run, else from the
    published Keras model.
    """
    contract, task = published.manifest.contract, published.manifest.open_task()
    network = _trained(published, workspace)
    if network is not None:
        return exact_reference(data, network, contract, task)
    images = data / split_file("test", "images")
    labels = np.load(data / split_file("test", "labels"))
    stored = _stored_predictions(published, workspace)
    if stored is not None:
        probabilities = np.load(stored)
    else:
        model = artifact_path(published.path, KERAS)
        probabilities = _predict_in_keras(model, images, seconds_for(len(labels)))
    return Reference(
        images=images,
        labels=labels,
        probabilities=probabilities,
        contract=contract,
        task=task,
    )
