"""A stage, and the graph of stages, as the runner sees them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pipeline.artifacts.stage_facts import Facts
from pipeline.errors import MissingExtra, RequestError, did_you_mean
from pipeline.system.tensorflow_import import tensorflow_import

if TYPE_CHECKING:
    from pipeline.artifacts.data_source import Source
    from pipeline.config.schema import Config
    from pipeline.engine.context import Context
    from pipeline.engine.store import StageOutput
    from pipeline.engine.workspace import Workspace
    from pipeline.progress import Progress

F = TypeVar("F", bound=Facts)


def _nothing_to_do() -> None:
    pass


@dataclass(frozen=True)
class Outcome(Generic[F]):
    """What a stage's ``run`` returns: its facts, and a call to make once its output is in place."""

    facts: F
    on_written: Callable[[], None] = _nothing_to_do


@dataclass(frozen=True)
class Stage(Generic[F]):
    """A stage: its facts, implementation and inputs, and everything its output depends on.

    ``module`` defines ``run(context, folder) -> Outcome``. ``reads`` lists the parts of the
    configuration that the stage reads; ``reads_source`` is set if it depends on the source of the
    data. ``code`` lists modules that it loads by name, without an import; ``files`` maps names to
    other files that it runs; ``environment`` returns versions of anything besides ``packages``.

    ``verifies`` lists inputs whose files the stage verifies itself, so they are not checked before.
    ``validate`` rejects an invalid configuration immediately; ``preflight`` detects, before the
    first stage runs, what would make this one fail; ``is_current`` tests whether an output is
    still valid. ``gate`` refuses facts with which no later stage may run.
    """

    facts: type[F]
    module: str
    inputs: tuple[str, ...]
    reads: tuple[str, ...]
    packages: tuple[str, ...]
    reads_source: bool = False
    code: Callable[["Config"], Sequence[str]] = lambda _: ()
    files: Callable[["Config"], Mapping[str, Path]] = lambda _: {}
    environment: Callable[[], Mapping[str, str]] = dict
    verifies: tuple[str, ...] = ()
    validate: Callable[["Config"], object] = lambda _: None
    preflight: Callable[["Config", "Progress"], object] = lambda *_: None
    is_current: Callable[["StageOutput[F]", "Config", "Workspace"], bool] = lambda *_: True
    gate: Callable[[F, "Config", "Source"], object] = lambda *_: None

    @property
    def name(self) -> str:
        """The name of the stage."""
        return self.facts.stage

    def run(self, context: "Context", folder: Path) -> Outcome[F]:
        """Import the stage's implementation and run it.

        Raises:
            MissingExtra: a required package is not installed.
            PipelineError: the stage failed.
        """
        outcome: Outcome[F] = load(self.module).run(context, folder)
        return outcome


class Sources(Protocol):
    """Finds the data for the first stage."""

    def find(
        self,
        config: "Config",
        find_cached: "Callable[[Source], Facts | None]",
        progress: "Progress",
        *,
        fresh: bool,
    ) -> "Source | None":
        """Return a source that needs no network, or None if the network must be tried.

        ``find_cached`` returns the facts of an output cached from a source; ``fresh`` ignores
        cached outputs.
        """

    def acquire(self, config: "Config", downloads: Path, progress: "Progress") -> "Source":
        """Return a complete, verified source, downloading its files if necessary."""

    def notice(self, source: "Source") -> str | None:
        """Return what users must know about a source, or None."""


@dataclass(frozen=True)
class Graph:
    """The stages in order, and the sources of data for the first one.

    ``identity`` is the stage whose output identifies a run; shorter runs are not recorded. The keys
    in ``ignores`` change no output, whatever a stage reads.
    """

    stages: tuple[Stage[Any], ...]
    sources: Sources
    identity: str
    ignores: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the stages, in order."""
        return tuple(stage.name for stage in self.stages)

    def position_of(self, name: str) -> int:
        """Return the position of a stage in the order.

        Raises:
            RequestError: the stage is unknown.
        """
        if name not in self.names:
            raise RequestError(
                f"Unknown stage {name!r}. {did_you_mean(name, self.names)}Choose from "
                f"{', '.join(self.names)}."
            )
        return self.names.index(name)


def load(module: str) -> Any:
    """Import a module that needs the extra ``train``.

    Raises:
        MissingExtra: a package is not installed.
    """
    try:
        with tensorflow_import():
            return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("pipeline"):
            raise
        raise MissingExtra(f"Training and exporting (missing: {error.name})", "train") from error
