"""The stages, what each depends on, and their order.

``data -> train -> evaluate -> export -> verify -> report -> publish``; this is the only
module that knows the order. Importing it is cheap: the runner imports a stage's implementation when
it runs.
"""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from pipeline.artifacts.data_source import Source
from pipeline.artifacts.stage_facts import (
    DataFacts,
    EvaluateFacts,
    ExportFacts,
    LayerSummary,
    PublishFacts,
    ReportFacts,
    TrainFacts,
    VerifyFacts,
)
from pipeline.config.folder_keys import check_folder
from pipeline.config.full_gradient import check_full_gradient
from pipeline.config.key_errors import with_places
from pipeline.config.own_code import announce_own_code
from pipeline.config.schema import Config
from pipeline.config.target import target_text
from pipeline.config.workers import check_workers
from pipeline.data.sources import DataSources
from pipeline.engine.plan import plan
from pipeline.engine.runner import run_graph
from pipeline.engine.stage import Graph, Stage, load
from pipeline.errors import RequestError
from pipeline.pages.assembling import page_files
from pipeline.progress import Progress
from pipeline.publishing.publication import is_published
from pipeline.publishing.quality_gate import require_quality
from pipeline.runtimes.npm import scripts
from pipeline.runtimes.registry import runtime_versions
from pipeline.runtimes.requirements import chosen_runtimes, require_verifiable
from pipeline.tasks.combinations import check_combinations
from pipeline.tasks.registry import module_of, task_of
from pipeline.training.distributed.membership import require_workers
from pipeline.trust.keys import require_private_key


def check_network(
    config: Config, progress: Progress, *, run_own_code: bool = False
) -> list[LayerSummary]:
    """Build the model and optimizer once and return a summary of each layer; needs no data.

    Python files of the user are run only with ``run_own_code``.

    Raises:
        ConfigError: Keras or TensorFlow Datasets does not know a name or argument.
        MissingExtra: the extra ``train`` is not installed.
    """
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if backend != "tensorflow":
        raise RequestError(
            f"The Keras backend must be 'tensorflow'; got {backend!r} in the environment variable "
            "KERAS_BACKEND. Unset the variable."
        )
    _validate_training(config)
    with with_places(config):
        image_shape, target = load("pipeline.data.targets").describe(config.data, progress)
        task_of(config).check_classes(target.class_names, target_text(config.data.target))
    with progress.task("loading TensorFlow"):
        training = load("pipeline.training.preflight")
    if run_own_code:
        announce_own_code(config, progress)
    rows: list[LayerSummary] = training.check(
        config,
        image_shape=image_shape,
        num_classes=len(target.class_names),
        run_own_code=run_own_code,
    )
    return rows


def _check_target(config: Config, progress: Progress) -> None:
    """Find the target in the data set before the images are downloaded."""
    with with_places(config):
        load("pipeline.data.targets").describe(config.data, progress)


def _check_training(config: Config, progress: Progress) -> None:
    require_workers(config)
    check_network(config, progress, run_own_code=True)


def _validate_training(config: Config) -> None:
    check_folder(config)
    check_combinations(config)
    check_full_gradient(config)
    check_workers(config)


def _use_threads(config: Config, _progress: Progress) -> None:
    """Set the number of threads before another stage starts TensorFlow."""
    load("pipeline.models.threads").use_threads(config)


def _check_report(config: Config, progress: Progress) -> None:
    """Find matplotlib before minutes are spent on the earlier stages."""
    load("matplotlib")
    _use_threads(config, progress)


def _validate_runtimes(config: Config) -> None:
    with with_places(config):
        chosen_runtimes(config)


def _require_quality(facts: EvaluateFacts, config: Config, source: Source) -> None:
    if (validation := facts.metrics.get("validation")) is not None:
        _, score = validation.headline
        require_quality(score, config, sampled=source.sampled)


def _check_key(config: Config) -> None:
    """Find a key that cannot sign before the version is trained."""
    if config.publish.sign is not None:
        key = Path(config.publish.sign).expanduser()
        require_private_key(key, f"publish.sign in {config.place_of('publish.sign')}")


def _task(config: Config) -> Sequence[str]:
    return (module_of(config.task),)  # only the selected one, so that adding a task reruns nothing


def _own_files(config: Config) -> Mapping[str, Path]:
    files = (file for callback in config.train.callbacks for file in callback.files)
    return {file: Path(file).expanduser() for file in files}


def _scripts(_config: Config) -> Mapping[str, Path]:
    return {path.name: path for path in scripts()}


def _page_files(_config: Config) -> Mapping[str, Path]:
    return {path.name: path for path in page_files("report")}


_SHOWN = ("model", "optimizer", "train", "export", "verify", "publish")
_TASK = ("task", "model.output", "train.loss")
_DATA = ("name", "target", "size", "fit", "channels", "validation", "test", "seed")

STAGES = (
    Stage(
        DataFacts,
        "pipeline.data.stage",
        inputs=(),
        reads=tuple(f"data.{key}" for key in _DATA),
        packages=("tensorflow-datasets", "mlxtend", "scikit-learn", "numpy", "pillow"),
        reads_source=True,
        validate=check_folder,
        preflight=_check_target,
    ),
    Stage(
        TrainFacts,
        "pipeline.training.stage",
        inputs=("data",),
        reads=("task", "model", "optimizer", "train"),
        packages=("tensorflow", "keras", "numpy", "scipy"),
        code=_task,
        validate=_validate_training,
        files=_own_files,
        preflight=_check_training,
    ),
    Stage(
        EvaluateFacts,
        "pipeline.evaluation.stage",
        inputs=("data", "train"),
        reads=(*_TASK, "model.members", "train.threads"),
        packages=("tensorflow", "keras", "numpy", "scikit-learn"),
        code=_task,
        preflight=_use_threads,
        gate=_require_quality,
    ),
    Stage(
        ExportFacts,
        "pipeline.export.stage",
        inputs=("data", "train"),
        reads=("data.name", "data.target", *_TASK, "export"),
        packages=("tensorflow", "keras", "onnx", "tf2onnx", "onnxruntime", "openvino", "numpy"),
        code=lambda config: (*_task(config), "pipeline.export"),  # formats are imported by name
        preflight=lambda config, _: require_verifiable(config),
    ),
    Stage(
        VerifyFacts,
        "pipeline.verification.stage",
        inputs=("data", "train", "evaluate", "export"),
        reads=(*_TASK, "verify"),
        packages=("tensorflow", "keras", "h5py", "onnx", "onnxruntime", "numpy"),
        # Runtimes are imported by name, in separate processes.
        code=lambda config: (*_task(config), "pipeline.runtimes"),
        files=_scripts,
        environment=runtime_versions,
        verifies=("export",),
        validate=_validate_runtimes,
        preflight=lambda config, _: require_verifiable(config),  # export may be up to date
    ),
    Stage(
        ReportFacts,
        "pipeline.reporting.stage",
        inputs=("data", "train", "evaluate", "export", "verify"),
        # The page has the configuration, except for where the data is.
        reads=("name", "data.target", *_TASK, *_SHOWN),
        packages=("tensorflow", "keras", "matplotlib", "scikit-learn", "scipy", "numpy", "pillow"),
        code=_task,
        files=_page_files,
        preflight=_check_report,
    ),
    Stage(
        PublishFacts,
        "pipeline.publishing.stage",
        inputs=("data", "train", "evaluate", "export", "verify", "report"),
        reads=("name", "data.target", *_TASK, "publish"),
        packages=("numpy", "onnx", "scipy", "cyclonedx-python-lib"),
        is_current=is_published,
        validate=_check_key,
    ),
)
# Where workers run, and how long they wait for each other, changes no result.
_IGNORED = ("train.cluster", "train.join_seconds", "train.lost_seconds")
GRAPH = Graph(STAGES, DataSources(), identity=TrainFacts.stage, ignores=_IGNORED)
run_stages = partial(run_graph, GRAPH)
plan_stages = partial(plan, GRAPH)
