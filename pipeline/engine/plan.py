"""The plan of a run: what each stage's output depends on, and which outputs exist."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pipeline.artifacts.data_source import Source
from pipeline.artifacts.stage_facts import Facts
from pipeline.config.origin import flatten
from pipeline.config.schema import Config
from pipeline.engine.fingerprints import (
    code_hashes,
    file_hashes,
    fingerprint,
    package_versions,
)
from pipeline.engine.stage import Graph, Stage
from pipeline.engine.store import Ingredients, StageOutput
from pipeline.engine.workspace import Workspace
from pipeline.progress import Progress, Silent

F = TypeVar("F", bound=Facts)


@dataclass(frozen=True)
class Plan:
    """Every stage's ingredients and fingerprint for one configuration and one source of data."""

    graph: Graph
    config: Config
    source: Source
    workspace: Workspace
    ingredients: dict[str, Ingredients] = field(init=False, default_factory=dict)
    fingerprints: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        config = flatten(self.config.model_dump(mode="json"))
        for stage in self.graph.stages:
            self.ingredients[stage.name] = self._ingredients(stage, config)
            self.fingerprints[stage.name] = fingerprint(self.ingredients[stage.name].as_json())

    def find(self, stage: Stage[Any]) -> StageOutput[Any] | None:
        """Return the complete output of a stage, if it is still current."""
        output = self.workspace.store.find(stage.facts, self.fingerprints[stage.name])
        if output is None or not stage.is_current(output, self.config, self.workspace):
            return None
        return output

    def output(self, facts: type[F]) -> StageOutput[F] | None:
        """Return the complete output of the stage that reports these facts, if it is current."""
        [stage] = [stage for stage in self.graph.stages if stage.facts is facts]
        return self.find(stage)

    def _ingredients(self, stage: Stage[Any], config: dict[str, Any]) -> Ingredients:
        read = {
            key: value
            for key, value in config.items()
            if _is_read(key, stage.reads) and key not in self.graph.ignores
        }
        if stage.reads_source:
            read["source"] = self.source.kind
            if self.source.content is not None:
                read["content"] = self.source.content
        return Ingredients(
            stage=stage.name,
            config=read,
            inputs={name: self.fingerprints[name] for name in stage.inputs},
            code={
                **code_hashes((stage.module, *stage.code(self.config))),
                **file_hashes(stage.files(self.config)),
            },
            packages={**package_versions(stage.packages), **stage.environment()},
        )


def plan(
    graph: Graph,
    config: Config,
    workspace: Workspace,
    *,
    fresh_data: bool = False,
    progress: Progress | None = None,
) -> Plan | None:
    """Return the plan, or None if the source of the data depends on the network.

    ``fresh_data`` ignores data cached by earlier runs.
    """
    first = graph.stages[0]
    only_first = replace(graph, stages=(first,))

    def find_cached(source: Source) -> Facts | None:
        output = Plan(only_first, config, source, workspace).find(first)
        return output.facts if output else None

    source = graph.sources.find(config, find_cached, progress or Silent(), fresh=fresh_data)
    return Plan(graph, config, source, workspace) if source else None


def _is_read(key: str, reads: Sequence[str]) -> bool:
    return any(key == read or key.startswith(f"{read}.") for read in reads)
