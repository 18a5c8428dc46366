"""The command ``doctor``."""

from pipeline.cli.options import HERE, Debug, Json, WorkspaceDir
from pipeline.terminal.session import print_json, report_errors, show_progress


def doctor(workspace: WorkspaceDir = HERE, json: Json = False, debug: Debug = False) -> None:
    """Check the installation and the data hosts, and report how to fix problems."""
    with report_errors(as_json=json, debug=debug) as interruption:
        from pipeline import api
        from pipeline.terminal import tables

        with show_progress(interruption, None, debug=debug) as progress:
            findings = api.diagnose(workspace=workspace, progress=progress)
        print_json([vars(f) for f in findings]) if json else tables.print_findings(findings)
