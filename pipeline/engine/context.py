"""The context that a stage runs in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.artifacts.stage_facts import Facts

if TYPE_CHECKING:
    from pipeline.artifacts.data_source import Source
    from pipeline.config.schema import Config
    from pipeline.engine.store import StageOutput
    from pipeline.engine.workspace import Workspace
    from pipeline.progress import Progress

F = TypeVar("F", bound=Facts)


@dataclass(frozen=True)
class Context:
    """One run: ``outputs`` of the completed stages, ``fingerprints`` of all stages."""

    config: "Config"
    workspace: "Workspace"
    source: "Source"
    fingerprints: Mapping[str, str]
    progress: "Progress"
    outputs: "Mapping[str, StageOutput[Any]]" = field(default_factory=dict)
    forced: bool = False

    def output(self, facts: type[F]) -> "StageOutput[F]":
        """Return the output of the stage that reports these facts."""
        return self.outputs[facts.stage]
