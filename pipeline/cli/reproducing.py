"""The command ``reproduce``."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import HERE, AllowOutside, Debug, Json, Quiet, WorkspaceDir
from pipeline.terminal.session import print_error, print_json, report_errors, show_progress


def reproduce(
    model: Annotated[
        str,
        typer.Argument(
            help="NAME, NAME/VERSION or NAME@LABEL of a published model, or a path, also below "
            "--workspace."
        ),
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE ...]",
            help="Where this machine has the data: data.path, data.manual_dir, data.tfds_dir or "
            "data.mirrors.",
        ),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Run in this folder and keep it; by default in a temporary one. An interrupted "
            "training resumes in it.",
        ),
    ] = None,
    own_code: Annotated[
        bool, typer.Option(help="Run the Python files that the manifest refers to.")
    ] = False,
    allow_outside: AllowOutside = False,
    workspace: WorkspaceDir = HERE,
    quiet: Quiet = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Train a published version again from its manifest alone, and compare; publish nothing."""
    ending = "Nothing was changed." if into is None else None
    with report_errors(as_json=json, debug=debug, interrupted=ending) as interruption:
        from pipeline import api
        from pipeline.errors import NotReproduced
        from pipeline.terminal.layout import print_line
        from pipeline.terminal.reproduction import print_reproduction, reproduction_document

        log = into / "runs" / "libraries.log" if into else None
        with show_progress(interruption, log, debug=debug, quiet=quiet) as progress:
            found = api.reproduce(
                model,
                overrides or (),
                into=into,
                own_code=own_code,
                allow_outside=allow_outside,
                workspace=workspace,
                progress=progress,
            )
        failure = None
        try:
            found.require()
        except NotReproduced as error:
            failure = error
        if json:
            print_json(reproduction_document(found))
        elif not quiet:
            print_reproduction(found)
        elif failure is None:
            print_line(found.verdict.sentence)
        if failure is not None:
            raise typer.Exit(print_error(failure))
