"""The commands that change what is published: labels, and which versions exist."""

from typing import Annotated

import typer

from pipeline.cli.options import HERE, Debug, Json, WorkspaceDir
from pipeline.terminal.session import print_json, report_errors

Model = Annotated[str, typer.Argument(metavar="MODEL", help="The name of a published model.")]
Pin = Annotated[
    bool | None,
    typer.Option("--pin/--no-pin", help="Keep runs from moving the label, or allow it again."),
]
Reason = Annotated[
    str | None, typer.Option(metavar="TEXT", help="The reason to record in the history.")
]
By = Annotated[str | None, typer.Option(metavar="NAME", help="The name to record in the history.")]
Label = Annotated[str, typer.Option(metavar="LABEL", help="The label to move.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only print what would be deleted.")]


def label(
    model: Model,
    labels: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LABEL=VERSION ...]",
            help="Where to move labels; LABEL= removes one. Without any, print labels and history.",
        ),
    ] = None,
    pin: Pin = None,
    reason: Reason = None,
    by: By = None,
    workspace: WorkspaceDir = HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Move labels to versions, or print the labels of a model and their history."""
    with report_errors(as_json=json, debug=debug):
        from pipeline import api
        from pipeline.terminal import operations

        if not labels:
            found = api.history(model, workspace=workspace)
            shown = api.labels(model, workspace=workspace)
            if json:
                print_json(operations.history_document(shown, found))
            else:
                operations.print_history(shown, found)
            return
        moves = api.label(
            model,
            operations.assignments(labels),
            pin=pin,
            reason=reason,
            by=by,
            workspace=workspace,
        )
        operations.show_moves(moves, as_json=json, pin=pin)


def promote(
    model: Model,
    version: Annotated[
        str | None,
        typer.Argument(metavar="[VERSION]", help="A number or a label (default: the newest)."),
    ] = None,
    label: Label = "stable",
    pin: Pin = None,
    reason: Reason = None,
    by: By = None,
    workspace: WorkspaceDir = HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Move the label stable to a version, by default the newest one."""
    with report_errors(as_json=json, debug=debug):
        from pipeline import api
        from pipeline.terminal import operations

        move = api.promote(
            model, version, label=label, pin=pin, reason=reason, by=by, workspace=workspace
        )
        operations.show_moves([move], as_json=json, pin=pin)


def rollback(
    model: Model,
    label: Label = "stable",
    pin: Pin = None,
    reason: Reason = None,
    by: By = None,
    workspace: WorkspaceDir = HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Move the label stable back to its previous version; repeat to go back further."""
    with report_errors(as_json=json, debug=debug):
        from pipeline import api
        from pipeline.terminal import operations

        move = api.rollback(model, label=label, pin=pin, reason=reason, by=by, workspace=workspace)
        operations.show_moves([move], as_json=json, pin=pin)


def remove(
    version: Annotated[
        str, typer.Argument(metavar="MODEL/VERSION", help="The version to remove, such as mlp/3.")
    ],
    force: Annotated[
        bool,
        typer.Option("--force", help="Remove the version even if a label refers to it."),
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Restore a version that was removed.")
    ] = False,
    reason: Reason = None,
    by: By = None,
    workspace: WorkspaceDir = HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Remove a published version; pipeline gc deletes it for good."""
    with report_errors(as_json=json, debug=debug):
        from pipeline import api
        from pipeline.terminal import operations

        found = api.remove(
            version, force=force, undo=undo, reason=reason, by=by, workspace=workspace
        )
        operations.show_removal(found, undone=undo, as_json=json)


def gc(
    keep: Annotated[
        int, typer.Option(metavar="N", min=0, help="Keep the newest N versions without a label.")
    ],
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL ...]", help="Published models (default: all)."),
    ] = None,
    dry_run: DryRun = False,
    reason: Reason = None,
    by: By = None,
    workspace: WorkspaceDir = HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Delete removed versions, and old versions to which no label refers, for good."""
    with report_errors(as_json=json, debug=debug):
        from pipeline import api
        from pipeline.terminal import operations

        found = api.gc(
            models or (), keep=keep, dry_run=dry_run, reason=reason, by=by, workspace=workspace
        )
        operations.show_deleted(found, dry_run=dry_run, as_json=json)
