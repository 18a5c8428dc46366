"""Verifying a single ONNX file that follows the contract, whatever its origin."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.artifacts.checks import Check
from pipeline.artifacts.data_set import split_file
from pipeline.artifacts.formats import FLOAT16, FLOAT32, INT8
from pipeline.artifacts.model_contract import Contract, contract_for
from pipeline.artifacts.stage_facts import DataFacts
from pipeline.config.data_schema import FOLDER
from pipeline.config.key_errors import with_places
from pipeline.config.places import Places
from pipeline.config.reading import validate
from pipeline.config.schema import Config
from pipeline.engine.store import StageOutput
from pipeline.errors import DataFileError, ModelError, RequestError
from pipeline.runtimes.allowed.check import require_allowed
from pipeline.runtimes.isolated import WorkerResult, run_file
from pipeline.runtimes.limits import seconds_for
from pipeline.runtimes.onnx_file import precision_of
from pipeline.runtimes.registry import Runtime, choose_runtime
from pipeline.runtimes.requirements import require_runnable
from pipeline.stages import plan_stages, run_stages
from pipeline.tasks.registry import task_named
from pipeline.tasks.task import Task
from pipeline.verification.comparing import Reference, exact_reference
from pipeline.verification.network import Network
from pipeline.verification.running import Artifact, verify
from pipeline.verification.weights.onnx_network import dense_network

if TYPE_CHECKING:
    from pipeline.engine.workspace import Workspace
    from pipeline.progress import Progress

# If the metadata of a file names none.
_DEFAULT_DATA_SET = "mnist"
_DEFAULT_TASK = "multiclass"
_DEFAULT_TARGET = "label"
_FORMATS = {FLOAT32: "onnx", INT8: "onnx_int8", FLOAT16: "onnx_fp16"}


def verify_file(
    path: Path, runtimes: Sequence[str], workspace: "Workspace", progress: "Progress"
) -> list[Check]:
    """Compare the predictions of an ONNX file in every runtime with the exact ones.

    A single file comes without the trained model, so they are computed from the file, if it is a
    dense network. Otherwise, the reference is the ONNX reference evaluator if it is installed, and
    onnxruntime if not.

    Raises:
        ModelError: the file cannot be opened, or does not follow the contract.
        DataFileError: its data set is missing, or has other images or classes.
        RequestError: there is no runtime to compare with the reference.
    """
    only = [choose_runtime(name) for name in runtimes] or None
    if path.suffix != ".onnx":
        raise ModelError(
            f"A single file to verify must be an ONNX file (.onnx); got {path}. Verify its "
            "published folder instead, which contains the trained model."
        )
    require_allowed(path)
    file_format = _FORMATS[precision_of(path)]
    reference_runtime = _reference_runtime(file_format)
    others = None if only is None else [runtime for runtime in only if runtime != reference_runtime]
    if others == []:
        raise RequestError(
            f"--runtime must include a runtime other than {reference_runtime.name}, which is the "
            "reference for a single file. Add another runtime, or omit --runtime."
        )
    require_runnable([file_format], others)
    first = run_file(choose_runtime("onnxruntime"), path)
    task = _task_of_file(first.metadata, path)
    contract = _checked_contract(first.contract, task, path)
    network = _network_of(path, task) if file_format == "onnx" else None
    data = _data_of_file(first, contract, task, path, workspace, progress)
    if network is not None:  # no weights to compare with
        reference = replace(exact_reference(data.path, network, contract, task), trained=None)
    else:
        reference = _predictions_of(reference_runtime, path, data, contract, task)
    artifact = Artifact(path.name, file_format, path, path.stat().st_size)
    seconds = seconds_for(len(reference.labels))
    checks = verify([artifact], reference, progress, only=only, timeout_seconds=seconds)
    return [replace(c, is_reference=c.runtime == reference_runtime.name) for c in checks]


def _task_of_file(metadata: Mapping[str, str], path: Path) -> Task:
    """Return the task that the metadata name.

    Raises:
        ModelError: it is unknown, or does not have the output.
    """
    try:
        return task_named(metadata.get("task", _DEFAULT_TASK), metadata.get("output"))
    except RequestError as error:
        raise ModelError(
            f"The metadata of {path} must name a task, and one of its outputs. {error}"
        ) from error


def _network_of(path: Path, task: Task) -> Network | None:
    """Return the network in an ONNX file, or None if it is not recognized.

    Raises:
        ModelError: it ends in another output of the task than that in the metadata.
    """
    for output in sorted(task.outputs, key=lambda output: output != task.output_name):
        network = dense_network(path, output)
        if network is None:
            continue
        if output != task.output_name:
            raise ModelError(
                f"The network in {path} must end in {task.output_name}, the output in its metadata "
                f"or the default of the task {task.name}; it ends in {output}. Set output in its "
                "metadata, or export the file again."
            )
        return network
    return None


def _predictions_of(
    runtime: Runtime,
    path: Path,
    data: "StageOutput[DataFacts]",
    contract: Contract,
    task: Task,
) -> Reference:
    images = data.path / split_file("test", "images")
    predictions = run_file(runtime, path, images, num_images=data.facts.test)
    return Reference(
        images=images,
        labels=np.load(data.path / split_file("test", "labels")),
        probabilities=predictions.probabilities,
        contract=contract,
        task=task,
    )


def _reference_runtime(file_format: str) -> Runtime:
    reference = choose_runtime("onnx-reference")
    usable = reference.installed and file_format in reference.formats
    return reference if usable else choose_runtime("onnxruntime")


def _checked_contract(contract: Contract, task: Task, path: Path) -> Contract:
    """Check the signature of a file and return its contract.

    Raises:
        ModelError: the file has another signature.
    """
    shape, classes = contract.image_shape, contract.outputs[0].shape[-1]
    if len(shape) == 3 and isinstance(classes, int):  # noqa: PLR2004  (height, width, channels)
        wanted = contract_for(task.output(classes), image_shape=shape)
        if contract == wanted:
            return contract
    raise ModelError(
        "A model file must have the signature (image: uint8 [batch, height, width, channels]) -> "
        f"({task.output(1).name}: float32 [batch, classes]); got {contract} in {path}. Export it "
        "with this pipeline."
    )


def _data_of_file(
    result: WorkerResult,
    contract: Contract,
    task: Task,
    path: Path,
    workspace: "Workspace",
    progress: "Progress",
) -> StageOutput[DataFacts]:
    """Return the output of the data stage for the data set of a file.

    An untrusted file must not start a download, so any data set but the default one must exist.
    """
    name = result.metadata.get("data_set", _DEFAULT_DATA_SET)
    if name == FOLDER:
        raise DataFileError(
            f"{path} is a model of a folder of pictures, which a file does not contain. Verify the "
            "published version instead: pipeline verify NAME."
        )
    source = Places(f"the metadata of {path}")
    target = _target(result.metadata.get("target"), path)
    values = {"name": "file", "task": task.name, "data": {"name": name, "target": target}}
    config = validate(values, source)
    if name != _DEFAULT_DATA_SET and not _is_available(config, workspace):
        raise DataFileError(
            f"The data set {name!r}, named in the metadata of {path}, is not on this machine. If "
            f"you trust the file, download the data set: pipeline run data.name={name} --until data"
        )
    [stage_result] = run_stages(config, workspace, progress, until="data")
    data: StageOutput[DataFacts] = stage_result.output
    facts = data.facts
    with with_places(config):
        task.check_classes(facts.class_names, facts.target)
    wanted = contract_for(task.output(len(facts.class_names)), image_shape=facts.image_shape)
    known = json.dumps(facts.class_names)
    labels = result.metadata.get("labels", known)
    if contract != wanted or labels != known:
        names = ", ".join(facts.class_names) or "none"
        raise DataFileError(
            f"A file verified on {facts.name} must have the signature {wanted} and the labels "
            f"{names}; got {contract} and the labels {labels[:200]} in {path}. If the file is for "
            "another data set or target, set data_set and target in its metadata."
        )
    return data


def _target(text: str | None, path: Path) -> Any:
    try:
        return _DEFAULT_TARGET if text is None else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"The metadata target of {path} must be JSON; got {text!r:.100}. Export the file again."
        ) from error


def _is_available(config: Config, workspace: "Workspace") -> bool:
    planned = plan_stages(config, workspace)
    return planned is not None and not planned.source.sampled
