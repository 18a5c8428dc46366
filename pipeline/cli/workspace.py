"""The commands for the runs of a workspace: ``runs`` and ``clean``."""

from typing import Annotated

import typer

from pipeline.cli.options import HERE, Debug, Json, WorkspaceDir
from pipeline.terminal.session import print_json, report_errors, show_progress

_NEWEST = 20


def runs(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME_OR_HASH]",
            help="Show one run in full: the newest one with this name, or the one whose hash "
            "begins with these digits.",
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help=f"List all runs, not only the newest {_NEWEST}.")
    ] = False,
    workspace: WorkspaceDir = HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List the runs of a workspace: scores, changes of the configuration, status."""
    with report_errors(as_json=json, debug=debug):
        from pipeline import api
        from pipeline.commands.runs import damaged_records
        from pipeline.engine.workspace import Workspace
        from pipeline.terminal import run_tables

        found = api.runs(run, limit=None if every else _NEWEST, workspace=workspace)
        documents = [run_tables.run_document(one) for one in found] if json else []
        if run is not None:
            print_json(documents[0]) if json else run_tables.print_one_run(found[0])
            return
        damaged = damaged_records(Workspace(workspace))
        if json:
            print_json({"runs": documents, "damaged": damaged})
        else:
            run_tables.print_runs(found, damaged)


def clean(
    keep: Annotated[
        int | None, typer.Option(metavar="N", help="Keep the newest N runs.", min=0)
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Remove runs that ended before: 12h, 30d or 2w."),
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Only print what would be removed.")] = False,
    workspace: WorkspaceDir = HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Remove stored outputs of runs that are neither kept nor published."""
    with report_errors(as_json=json, debug=debug) as interruption:
        from pipeline import api
        from pipeline.terminal import run_tables

        with show_progress(interruption, None, debug=debug) as progress:
            removed = api.clean(
                keep=keep,
                older_than=older_than,
                dry_run=dry_run,
                workspace=workspace,
                progress=progress,
            )
        if json:
            print_json(run_tables.clean_document(removed, dry_run=dry_run))
        else:
            run_tables.print_removed(removed, dry_run=dry_run)
