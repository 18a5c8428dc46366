"""The stage graph: what each stage depends on, what is up to date, what must run.

``data -> train -> evaluate -> export -> verify -> publish``; this is the only module that knows
the order. Nothing heavy is imported: the runner imports a stage's work when it runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.config.schema import Config
from pipeline.data.sources import FULL, SAMPLE, Source, local_source
from pipeline.engine.fingerprints import code_hashes, file_hashes, fingerprint, package_versions
from pipeline.engine.store import StageOutput
from pipeline.engine.workspace import Workspace
from pipeline.errors import RequestError
from pipeline.publishing.published import is_published
from pipeline.runtimes.npm import scripts
from pipeline.runtimes.registry import runtime_versions


@dataclass(frozen=True)
class Stage:
    """A stage: the stages before it, the configuration it reads, its code, the packages it uses.

    ``module`` has ``run(context, folder) -> facts``; ``code`` names what it reaches other than by
    imports; ``proves`` the inputs whose files it examines itself: those it is handed as they are,
    and it depends on the runtimes that are installed.
    """

    name: str
    module: str
    inputs: tuple[str, ...]
    reads: tuple[str, ...]
    packages: tuple[str, ...]
    code: tuple[str, ...] = ()
    proves: tuple[str, ...] = ()


STAGES = (
    Stage(
        "data",
        "pipeline.data.stage",
        inputs=(),
        reads=("data.name", "data.validation", "data.seed"),
        packages=("tensorflow-datasets", "mlxtend", "scikit-learn", "numpy"),
    ),
    Stage(
        "train",
        "pipeline.training.stage",
        inputs=("data",),
        reads=("task", "model", "optimizer", "train"),
        packages=("tensorflow", "keras", "numpy"),
    ),
    Stage(
        "evaluate",
        "pipeline.evaluation.stage",
        inputs=("data", "train"),
        reads=(),
        packages=("tensorflow", "keras", "numpy", "scikit-learn"),
    ),
    Stage(
        "export",
        "pipeline.export.stage",
        inputs=("data", "train"),
        reads=("task", "export"),
        packages=("tensorflow", "keras", "onnx", "tf2onnx", "onnxruntime", "openvino", "numpy"),
        code=("pipeline.export",),  # formats are found by name
    ),
    Stage(
        "verify",
        "pipeline.verification.stage",
        inputs=("data", "evaluate", "export"),
        reads=("task", "verify"),
        packages=("tensorflow", "keras", "onnx", "onnxruntime", "numpy"),
        code=("pipeline.runtimes",),  # found by name, opened in processes of their own
        proves=("export",),
    ),
    Stage(
        "publish",
        "pipeline.publishing.stage",
        inputs=("data", "train", "evaluate", "export", "verify"),
        reads=("name", "publish"),
        packages=("numpy",),
    ),
)
STAGE_NAMES = tuple(stage.name for stage in STAGES)


@dataclass
class Plan:
    """Every stage's ingredients and fingerprint for one configuration and one source of data."""

    config: Config
    source: Source
    workspace: Workspace
    ingredients: dict[str, dict[str, Any]] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for stage in STAGES:
            self.ingredients[stage.name] = self._ingredients(stage)
            self.fingerprints[stage.name] = fingerprint(self.ingredients[stage.name])

    def find(self, stage: str) -> StageOutput | None:
        """Return the complete output of a stage; of ``publish`` while the version is as it was."""
        output = self.workspace.store.find(stage, self.fingerprints[stage])
        if output is None or stage != "publish":
            return output
        label = self.config.publish.label
        return output if is_published(output, self.workspace.exported, label) else None

    def _ingredients(self, stage: Stage) -> dict[str, Any]:
        config = _flatten(self.config.model_dump(mode="json"))
        read = {key: value for key, value in config.items() if _is_read(key, stage.reads)}
        if stage.name == "data":
            read["source"] = self.source.kind
        return {
            "stage": stage.name,
            "config": read,
            "inputs": {name: self.fingerprints[name] for name in stage.inputs},
            "code": {**code_hashes((stage.module, *stage.code)), **self._own_code(stage)},
            "packages": {
                **package_versions(stage.packages),
                **(runtime_versions() if stage.proves else {}),
            },
        }

    def _own_code(self, stage: Stage) -> dict[str, str]:
        """Code that is no module: files that callbacks name, scripts of JavaScript runtimes."""
        if stage.proves:
            return {path.name: file_hashes([str(path)])[str(path)] for path in scripts()}
        if "train" not in stage.reads:
            return {}
        return file_hashes(f for callback in self.config.train.callbacks for f in callback.files)


def plan(config: Config, workspace: Workspace, *, fresh_data: bool = False) -> Plan | None:
    """Return the plan that needs no network, or None where only the network can tell.

    The full data set goes before a sample that was used earlier; ``fresh_data`` forgets that one.
    """
    full = Plan(config, Source(FULL, "kept from an earlier run"), workspace)
    if not fresh_data and full.find("data") is not None:
        return full
    source = local_source(config.data)
    if source is not None:
        return Plan(config, source, workspace)
    sample = Plan(config, Source(SAMPLE, "kept from an earlier run"), workspace)
    kept = sample.find("data")
    if fresh_data or kept is None or config.data.offline == "fail":
        return None
    return Plan(config, Source(SAMPLE, kept.facts["origin"]), workspace)


def position_of(name: str) -> int:
    """Return where a stage stands in the order.

    Raises:
        RequestError: there is no such stage.
    """
    if name not in STAGE_NAMES:
        raise RequestError(
            f"A stage must be one of {', '.join(STAGE_NAMES)}; got {name!r}. Choose one of them."
        )
    return STAGE_NAMES.index(name)


def _flatten(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        if isinstance(inner, dict):
            flat |= _flatten(inner, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = inner
    return flat


def _is_read(key: str, reads: Sequence[str]) -> bool:
    return any(key == read or key.startswith(f"{read}.") for read in reads)
