"""The command ``evaluate``."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import HERE, Debug, Json, WorkspaceDir
from pipeline.terminal.session import print_json, report_errors, show_progress


def evaluate(
    model: Annotated[
        Path,
        typer.Argument(help="NAME or NAME/VERSION of a published model, or the path of a file."),
    ],
    pictures: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FOLDER|CSV]",
            help="A folder with a folder of pictures for each class, or a CSV file with the "
            "columns file and label (default: the test set of the model's data).",
        ),
    ] = None,
    augment: Annotated[
        str | None,
        typer.Option(
            metavar="CHANGES", help="Change the test images first, as in shift=2,rotate=15."
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with the worst pictures.")
    ] = None,
    workspace: WorkspaceDir = HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Evaluate a model on labeled pictures, or on its test set, as it is or changed."""
    with report_errors(as_json=json, debug=debug) as interruption:
        from pipeline import api
        from pipeline.terminal import evaluation

        changes = evaluation.changes(augment)
        with show_progress(interruption, None, debug=debug) as progress:
            found = api.evaluate(
                model,
                pictures,
                augment=changes,
                html=html,
                workspace=workspace,
                progress=progress,
            )
        if json:
            print_json(evaluation.document(found))
        else:
            evaluation.print_evaluation(found, html)
