"""Options and arguments that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show tracebacks and the output of libraries.")
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show only the result, warnings and errors.")
]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="Show the tables: layers, metrics, each check, its cost."),
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
PublicKey = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="A file with a public key (PEM); versions that its private key did not sign are "
        "refused.",
    ),
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


def split_arguments(arguments: list[str] | None, *, quiet: bool = False) -> tuple[Path, list[str]]:
    """Separate CONFIG, which may be missing, from the overrides, which contain a ``=``."""
    from pipeline.api import DEFAULT_CONFIG

    given = list(arguments or [])
    config = given.pop(0) if given and "=" not in given[0] else DEFAULT_CONFIG
    return found_config(config, quiet=quiet), given


def found_config(config: str | Path, *, quiet: bool = False) -> Path:
    """Find the file of a configuration; report it if it is not the path that was given."""
    from pipeline.config.finding import find_config  # loads the whole configuration

    path = find_config(Path(config))
    if path != Path(config) and not quiet:
        typer.echo(f"Configuration: {path}", err=True)
    return path


def require_one(*, quiet: bool, verbose: bool) -> None:
    """Reject two options that contradict each other.

    Raises:
        RequestError: both are given.
    """
    from pipeline.errors import RequestError

    if quiet and verbose:
        raise RequestError(
            "--quiet and --verbose contradict each other. Remove one of the two options."
        )
