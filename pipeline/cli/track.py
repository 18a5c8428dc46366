"""The commands ``track sync``, ``track status`` and ``track drop``."""

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import HERE, Debug, Json, WorkspaceDir
from pipeline.terminal.session import print_json, report_errors
from pipeline.terminal.usage_hints import HintingGroup

if TYPE_CHECKING:
    from pipeline.tracking.synchronization import Tracked

track = typer.Typer(
    name="track", cls=HintingGroup, no_args_is_help=True, help="Runs that are tracked in MLflow."
)


@track.command()
def sync(workspace: WorkspaceDir = HERE, json: Json = False, debug: Debug = False) -> None:
    """Send what runs could not send, for example because the server was down."""
    with report_errors(as_json=json, debug=debug):
        from pipeline import api

        runs = api.track_sync(workspace=workspace)
        _print(runs, json)
        if any(run.waiting for run in runs):
            raise typer.Exit(3)


@track.command()
def status(workspace: WorkspaceDir = HERE, json: Json = False, debug: Debug = False) -> None:
    """List the tracked runs, and what has not been sent for each."""
    with report_errors(as_json=json, debug=debug):
        from pipeline import api

        _print(api.track_status(workspace=workspace), json)


@track.command()
def drop(
    name: Annotated[
        str,
        typer.Argument(metavar="RUN|URI", help="A run or a URI, as track status lists them."),
    ],
    workspace: WorkspaceDir = HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Discard what was not sent for a run, or to a server that will not come back."""
    with report_errors(as_json=json, debug=debug):
        from pipeline import api

        runs = api.track_drop(name, workspace=workspace)
        if json:
            print_json([vars(run) for run in runs])
            return
        for run in runs:
            print(f"{run.run} to {run.uri}: dropped: {run.waiting}")


def _print(runs: "list[Tracked]", json: bool) -> None:
    if json:
        print_json([vars(run) for run in runs])
        return
    if not runs:
        print("No run is tracked. To track runs, add track: {mlflow: local} to a configuration.")
    for run in runs:
        state = f"not sent: {run.waiting}" if run.waiting else "sent"
        problem = f" ({run.problem.rstrip('.')})" if run.problem else ""
        print(f"{run.run} to {run.uri}: {state}{problem}")
