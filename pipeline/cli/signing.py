"""The command ``sign``."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import HERE, Debug, Json, WorkspaceDir
from pipeline.terminal.session import print_json, report_errors


def sign(
    model: Annotated[
        Path,
        typer.Argument(
            help="NAME or NAME/VERSION of a published model, or a path, also below --workspace."
        ),
    ],
    key: Annotated[
        Path, typer.Option(metavar="FILE", help="A file with an ECDSA private key (PEM).")
    ],
    workspace: WorkspaceDir = HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Sign a published version, for verify --public-key and serve --public-key."""
    with report_errors(as_json=json, debug=debug):
        from pipeline import api

        signature = api.sign(model, key, workspace=workspace)
        if json:
            print_json({"signature": str(signature)})
        else:
            typer.echo(f"Signed: {signature}")
