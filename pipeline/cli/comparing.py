"""The command ``compare``."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import HERE, Debug, Json, WorkspaceDir
from pipeline.terminal.session import print_error, print_json, report_errors, show_progress


def compare(
    sides: Annotated[
        list[str],
        typer.Argument(
            metavar="A B ...",
            help="Runs (name and hash, or the first digits of the hash), published models "
            "(NAME or NAME/VERSION), and configurations (a YAML file, or the name of one in "
            'configs/; with overrides: "mlp train.batch_size=32"), which stand for all seeds.',
        ),
    ],
    seeds: Annotated[
        bool,
        typer.Option(
            "--seeds", help="Let each run or version stand for all seeds of its configuration."
        ),
    ] = False,
    fail_if_worse: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC",
            help="Exit with 1 if a later side is significantly worse than the first in a metric "
            "on the test set, such as accuracy, rmse or loss: a one-sided permutation test over "
            "the seeds. At the default significance, that takes three seeds of each side.",
        ),
    ] = None,
    significance: Annotated[
        float | None,
        typer.Option(
            help="With --fail-if-worse: the largest p-value that counts as worse (default: 0.05)."
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page to this file.")] = None,
    workspace: WorkspaceDir = HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare runs, published versions and configurations on the same test images."""
    with report_errors(as_json=json, debug=debug) as interruption:
        from pipeline import api
        from pipeline.comparison.document import comparison_document
        from pipeline.comparison.verdict import require_not_worse
        from pipeline.errors import SignificantlyWorse
        from pipeline.terminal.comparison_tables import print_comparison

        with show_progress(interruption, None, debug=debug) as progress:
            result = api.compare(
                *sides,
                seeds=seeds,
                fail_if_worse=fail_if_worse,
                significance=significance,
                html=html,
                workspace=workspace,
                progress=progress,
            )
        failure = None
        try:
            require_not_worse(result.verdict)
        except SignificantlyWorse as error:
            failure = error
        if json:
            print_json(comparison_document(result, failure))
        else:
            print_comparison(result)
        if failure is not None:
            raise typer.Exit(print_error(failure))
