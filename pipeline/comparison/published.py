"""A member from a published version: from the outputs of its run, or from its ONNX file."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipeline.artifacts.data_set import split_file
from pipeline.artifacts.formats import artifact_path
from pipeline.artifacts.stage_facts import DataFacts
from pipeline.comparison.sides import Member, TestSet
from pipeline.comparison.stored import stored_member
from pipeline.config.target import target_text
from pipeline.engine.store import Store
from pipeline.errors import DataFileError, ModelError, RequestError
from pipeline.publishing.published_folder import PublishedModel
from pipeline.runtimes.isolated import run_file
from pipeline.runtimes.registry import choose_runtime
from pipeline.tasks.task import Predictions

_FORMAT, _RUNTIME = "onnx", "onnxruntime"


def published_member(published: PublishedModel, config: Mapping[str, Any], store: Store) -> Member:
    """Return a member from the outputs of the version's run, or else its ONNX file's predictions.

    The file predicts the test set of any run in the store that has the same images.

    Raises:
        ModelError: the version was altered, has no ONNX file, or that cannot be run.
        DataFileError: its test set is not in the store.
    """
    name, manifest = f"{published.name}/{published.version}", published.manifest
    try:
        member = stored_member(name, config, manifest.stages.model_dump(), store)
    except RequestError:  # published elsewhere, or its outputs were removed
        member = _predicted_member(name, published, config, store)
    return replace(member, checks=manifest.verification)


def _predicted_member(
    name: str, published: PublishedModel, config: Mapping[str, Any], store: Store
) -> Member:
    manifest = published.manifest
    test_set = _test_set(name, published, store)
    return Member(
        name=name,
        config=config,
        task=manifest.open_task(),
        test_set=test_set,
        predictions=_predict(name, published, test_set),
        metrics=manifest.metrics["test"],
        parameters=manifest.parameters,
    )


def _test_set(name: str, published: PublishedModel, store: Store) -> TestSet:
    manifest = published.manifest
    wanted, target = manifest.data.test_sha256, target_text(manifest.target)
    for output in store.all_of(DataFacts):
        test_set = TestSet.of(output, output.facts)
        if (test_set.images_sha256, test_set.target) == (wanted, target) and output.is_unaltered():
            return test_set
    raise DataFileError(
        f"{name} cannot be compared: neither the predictions of its run nor its test set "
        f"({split_file('test', 'images')} with SHA-256 {wanted}, target {target}) are in "
        f"{store.root}. To prepare the test set: pipeline verify {name}"
    )


def _predict(name: str, published: PublishedModel, test_set: TestSet) -> Predictions:
    published.require_unaltered()
    if _FORMAT not in published.formats:
        raise ModelError(
            f"{name} cannot be compared: the predictions of its run are not in this workspace, "
            "and it has no ONNX file that could predict the test set. Compare it in the "
            "workspace of its run, or add onnx to export.formats and publish again."
        )
    images = test_set.folder / split_file("test", "images")
    model = artifact_path(published.path, _FORMAT)
    found = run_file(choose_runtime(_RUNTIME), model, images, num_images=len(test_set.labels()))
    return found.probabilities
