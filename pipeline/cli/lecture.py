"""The command ``gradcheck``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import HERE, Arguments, Debug, Json, WorkspaceDir, split_arguments
from pipeline.terminal.session import print_json, report_errors, show_progress

if TYPE_CHECKING:
    from pipeline.commands.explain import Explanation

_GRADIENT_WRONG = 1


def gradcheck(
    arguments: Arguments = None,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Show every step of backpropagation instead of a check."),
    ] = False,
    html: Annotated[
        Path | None, typer.Option(help="With --explain: write an interactive page to this file.")
    ] = None,
    x: Annotated[float, typer.Option(help="Input of the scalar example (--explain).")] = 1.0,
    y: Annotated[float, typer.Option(help="Its target.")] = 1.0,
    w0: Annotated[float, typer.Option(help="Its first weight.")] = 2.0,
    w1: Annotated[float, typer.Option(help="Its second weight.")] = 0.5,
    w2: Annotated[float, typer.Option(help="Its third weight.")] = 3.0,
    alpha: Annotated[float, typer.Option(help="Its learning rate.")] = 0.01,
    workspace: WorkspaceDir = HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Check the gradients of a network: framework, backpropagation by hand, finite differences."""
    with report_errors(as_json=json, debug=debug) as interruption:
        from pipeline import api
        from pipeline.commands.explain import Sample
        from pipeline.errors import RequestError
        from pipeline.terminal import documents
        from pipeline.terminal.gradient_tables import print_gradients

        if html is not None and not explain:
            raise RequestError(f"--html {html} requires --explain. Add it.")
        sample = Sample(x, y, w0, w1, w2, alpha)
        if sample != Sample() and not explain:
            raise RequestError(
                "--x, --y, --w0, --w1, --w2 and --alpha are numbers of the scalar example, which "
                "requires --explain. Add it."
            )
        config, overrides = split_arguments(arguments)
        log = workspace / "runs" / "libraries.log"
        if explain:
            with show_progress(interruption, None, debug=debug) as progress:
                explanation = api.explain_gradients(
                    config, overrides, sample, html=html, workspace=workspace, progress=progress
                )
            _print_explanation(explanation, as_json=json)
            return
        with show_progress(interruption, log, debug=debug) as progress:
            result = api.gradcheck(config, overrides, workspace=workspace, progress=progress)
        if json:
            print_json(documents.gradients_document(result))
        else:
            print_gradients(result)
        if not result.passed:
            raise typer.Exit(_GRADIENT_WRONG)


def _print_explanation(explanation: "Explanation", *, as_json: bool) -> None:
    from dataclasses import asdict

    from pipeline.terminal.explanation import print_explanation

    print_json(asdict(explanation)) if as_json else print_explanation(explanation)
