"""The commands for published models: ``models`` and ``verify``."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import (
    HERE,
    Debug,
    Json,
    PublicKey,
    Quiet,
    Verbose,
    WorkspaceDir,
    require_one,
)
from pipeline.terminal.session import print_error, print_json, report_errors, show_progress


def models(workspace: WorkspaceDir = HERE, json: Json = False, debug: Debug = False) -> None:
    """List the published models with their accuracy and labels."""
    with report_errors(as_json=json, debug=debug):
        from pipeline import api
        from pipeline.terminal import documents, tables

        found, broken = api.list_models(workspace=workspace)
        if json:
            print_json(documents.models_document(found, broken))
        else:
            tables.print_models(found, broken)


def verify(
    model: Annotated[
        Path,
        typer.Argument(
            help="NAME or NAME/VERSION of a published model, or the path of its folder or of an "
            ".onnx file, also below --workspace."
        ),
    ],
    runtime: Annotated[
        list[str] | None, typer.Option(help="Use this runtime only; may be repeated.")
    ] = None,
    workspace: WorkspaceDir = HERE,
    public_key: PublicKey = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Verify a published model, or an ONNX file, in every installed runtime.

    If the test set is not in the workspace, it is prepared there (runs/).
    """
    with report_errors(as_json=json, debug=debug) as interruption:
        from pipeline import api
        from pipeline.engine.workspace import Workspace
        from pipeline.errors import VerificationFailed
        from pipeline.publishing.locating import locate
        from pipeline.terminal import documents
        from pipeline.terminal.check_tables import print_verification
        from pipeline.verification.verdict import require_passed

        require_one(quiet=quiet, verbose=verbose)
        with show_progress(interruption, None, debug=debug, quiet=quiet) as progress:
            checks = api.verify(
                model,
                runtime or (),
                public_key=public_key,
                workspace=workspace,
                progress=progress,
            )
        is_file = locate(model, Workspace(workspace).exported).is_file()
        failure = None
        try:
            require_passed(
                checks,
                reference="its reference" if is_file else "the trained model",
                advice="Do not use a file that failed. Export it again; if it fails again, the "
                "runtime named above computes different results.",
            )
        except VerificationFailed as error:
            failure = error
        if json:
            print_json(documents.verification_document(checks, failure))
        else:
            print_verification(checks, quiet=quiet, verbose=verbose)
        if failure is not None:
            raise typer.Exit(print_error(failure))
