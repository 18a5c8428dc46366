"""The command ``watch``; it does not import ``pipeline.api``, so that it starts at once."""

from typing import Annotated

import typer

from pipeline.cli.options import HERE, Debug, Json, WorkspaceDir
from pipeline.terminal.session import print_json, report_errors


def watch(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME_OR_HASH]",
            help="The run to watch (default: the newest one that is running, else the newest).",
        ),
    ] = None,
    workspace: WorkspaceDir = HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the learning curve of a run while it trains, until the run ends."""
    with report_errors(as_json=json, debug=debug):
        from pipeline.commands.watch import error_of
        from pipeline.commands.watch import watch as watch_run
        from pipeline.engine.workspace import Workspace
        from pipeline.terminal.watch_view import show, watch_document

        resolved = Workspace(workspace)
        runs = watch_run(resolved, run)
        if json:
            print_json(watch_document(next(runs)))
            return
        try:
            last = show(runs)
        except KeyboardInterrupt as interruption:  # only the watching ends
            raise typer.Exit(128 + getattr(interruption, "number", 2)) from None
        error = error_of(last, resolved)
        if error is not None:
            raise error
