"""The command ``gradcheck``."""

import typer

from pipeline.cli.options import HERE, Arguments, Debug, Json, WorkspaceDir, split_arguments
from pipeline.terminal.session import print_json, report_errors, show_progress

_GRADIENT_WRONG = 1


def gradcheck(
    arguments: Arguments = None,
    workspace: WorkspaceDir = HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Check the gradients of a network: framework, backpropagation by hand, finite differences."""
    with report_errors(as_json=json, debug=debug):
        from pipeline import api
        from pipeline.terminal import documents
        from pipeline.terminal.gradient_tables import print_gradients

        config, overrides = split_arguments(arguments)
        with show_progress(workspace / "runs" / "libraries.log", debug=debug) as progress:
            result = api.gradcheck(config, overrides, workspace=workspace, progress=progress)
        if json:
            print_json(documents.gradients_document(result))
        else:
            print_gradients(result)
        if not result.passed:
            raise typer.Exit(_GRADIENT_WRONG)
