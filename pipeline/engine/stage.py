"""What the runner knows of a stage, and of the graph that the stages make up."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pipeline.artifacts.stage_facts import Facts
from pipeline.errors import MissingExtra, RequestError

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
    """What a stage's ``run`` returns: its facts, and what to do once its output is in place."""

    facts: F
    when_written: Callable[[], None] = _nothing_to_do


@dataclass(frozen=True)
class Stage(Generic[F]):
    """A stage: its facts, its work, the stages before it, and all that its output depends on.

    ``module`` has ``run(context, folder) -> Outcome``; ``reads`` names the parts of the
    configuration that it reads; ``reads_source`` says that it reads the source of the data;
    ``code`` names modules that it reaches other than by imports, ``files`` further files that it
    runs, by name; ``environment`` are versions of what it uses beside ``packages``.

    ``proves`` names the inputs whose files it examines itself: those it is handed as they are.
    ``validate`` rejects a configuration at once; ``preflight`` finds, before the first stage runs,
    what this one would fail by; ``is_current`` says whether an output is still what it claims.
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
    proves: tuple[str, ...] = ()
    validate: Callable[["Config"], object] = lambda _: None
    preflight: Callable[["Config", "Progress"], object] = lambda *_: None
    is_current: Callable[["StageOutput[F]", "Config", "Workspace"], bool] = lambda *_: True

    @property
    def name(self) -> str:
        """The name of the stage."""
        return self.facts.stage

    def run(self, context: "Context", folder: Path) -> Outcome[F]:
        """Import the stage's work and do it.

        Raises:
            MissingExtra: a package that it needs is not installed.
            PipelineError: whatever stops the stage.
        """
        outcome: Outcome[F] = load(self.module).run(context, folder)
        return outcome


class Sources(Protocol):
    """Where the data may come from: how the first stage's input is found."""

    def find(
        self, config: "Config", kept: "Callable[[Source], Facts | None]", *, fresh: bool
    ) -> "Source | None":
        """Return the source that needs no network, or None where only the network can tell.

        ``kept`` returns the facts of the output that is kept from a source; ``fresh`` forgets
        what is kept.
        """

    def acquire(self, config: "Config", downloads: Path, progress: "Progress") -> "Source":
        """Return a source that is complete and checked, fetching its files where necessary."""

    def notice(self, source: "Source") -> str | None:
        """Return what users must know about a source, if anything."""


@dataclass(frozen=True)
class Graph:
    """The stages in their order, and the source of the first one's data."""

    stages: tuple[Stage[Any], ...]
    sources: Sources

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the stages, in order."""
        return tuple(stage.name for stage in self.stages)

    def position_of(self, name: str) -> int:
        """Return the position of a stage in the order.

        Raises:
            RequestError: there is no such stage.
        """
        if name not in self.names:
            raise RequestError(
                f"A stage must be one of {', '.join(self.names)}; got {name!r}. Choose one of them."
            )
        return self.names.index(name)


def load(module: str) -> Any:
    """Import a module that needs the extra ``train``.

    Raises:
        MissingExtra: a package is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("pipeline"):
            raise
        raise MissingExtra(f"Training and exporting (here: {error.name})", "train") from error
