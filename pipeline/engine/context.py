"""What a stage may read while it runs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.config.schema import Config
    from pipeline.data.sources import Source
    from pipeline.engine.store import StageOutput
    from pipeline.engine.workspace import Workspace
    from pipeline.progress import Progress

Facts = dict[str, Any]  # JSON values; "summary" says in a few words what a stage did


@dataclass
class Context:
    """One run: ``outputs`` holds the stages that are done, ``fingerprints`` those of all."""

    config: "Config"
    workspace: "Workspace"
    source: "Source"
    fingerprints: dict[str, str]
    progress: "Progress"
    outputs: dict[str, "StageOutput"] = field(default_factory=dict)
    forced: bool = False
    when_written: list[Callable[[], None]] = field(default_factory=list)  # once the output is there
