"""The command ``report``."""

import webbrowser
from typing import Annotated

import typer

from pipeline.cli.options import HERE, Debug, Json, WorkspaceDir
from pipeline.terminal.session import print_json, report_errors, show_progress


def report(
    name: Annotated[
        str,
        typer.Argument(
            metavar="RUN|MODEL",
            help="A run (name and hash, or the first digits of the hash), a published model (NAME "
            "or NAME/VERSION), or a configuration.",
        ),
    ],
    opened: Annotated[bool, typer.Option("--open", help="Open the report in the browser.")] = False,
    workspace: WorkspaceDir = HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Print the path of the report of a run or a published model; write it if there is none yet."""
    with report_errors(as_json=json, debug=debug) as interruption:
        from pipeline import api

        log = workspace / "runs" / "libraries.log"
        with show_progress(interruption, log, debug=debug) as progress:
            path = api.report(name, workspace=workspace, progress=progress)
        print_json({"report": str(path)}) if json else typer.echo(path)
        if opened and not webbrowser.open(path.resolve().as_uri()):
            typer.echo(f"No browser was found. Open {path} in one.", err=True)
