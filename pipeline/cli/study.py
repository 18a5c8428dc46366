"""The command ``study``."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import HERE, AllowOutside, Debug, Json, OwnCode, WorkspaceDir
from pipeline.terminal.session import print_json, report_errors, show_progress


def study(
    file: Annotated[
        Path, typer.Argument(metavar="STUDY", help="A YAML file, or one in configs/studies/.")
    ],
    own_code: OwnCode = True,
    allow_outside: AllowOutside = False,
    workspace: WorkspaceDir = HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Run a configuration with other values of some keys, and compare the results."""
    with report_errors(as_json=json, debug=debug) as interruption:
        from pipeline import api
        from pipeline.studies.documents.results_json import results_document
        from pipeline.terminal.study_tables import print_study

        log = workspace / "runs" / "libraries.log"
        with show_progress(interruption, log, debug=debug) as progress:
            result = api.study(
                file,
                workspace=workspace,
                own_code=own_code,
                allow_outside=allow_outside,
                progress=progress,
            )
        if json:
            print_json(results_document(result))
        else:
            print_study(result)
