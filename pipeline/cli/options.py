"""Options and arguments that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.config.finding import find_config

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show tracebacks and the output of libraries.")
]
WorkspaceDir = Annotated[
    Path, typer.Option("--workspace", "-C", help="The folder that contains runs/ and exported/.")
]
OwnCode = Annotated[
    bool, typer.Option(help="Run the Python files that the configuration refers to.")
]
AllowOutside = Annotated[
    bool, typer.Option("--allow-outside", help="Let callbacks write outside the workspace.")
]
Arguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[CONFIG] [KEY=VALUE ...]",
        help="A YAML file, or the name of one in configs/ (default: mlp); overrides of its keys.",
    ),
]
HERE = Path()
# Importing pipeline.stages takes longer.
STAGES = "data, train, evaluate, export, verify, report or publish"


def split_arguments(arguments: list[str] | None) -> tuple[Path, list[str]]:
    """Separate CONFIG, which may be missing, from the overrides, which contain a ``=``."""
    from pipeline.api import DEFAULT_CONFIG

    given = list(arguments or [])
    config = given.pop(0) if given and "=" not in given[0] else DEFAULT_CONFIG
    return found_config(config), given


def found_config(config: str | Path) -> Path:
    """Find the file of a configuration; report it if it is not the path that was given."""
    path = find_config(Path(config))
    if path != Path(config):
        typer.echo(f"Configuration: {path}", err=True)
    return path
