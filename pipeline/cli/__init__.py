"""The commands: wiring and exit codes, no logic. Heavy modules are imported inside a command."""

from importlib import metadata
from typing import Annotated

import typer

from pipeline.cli.comparing import compare
from pipeline.cli.evaluating import evaluate
from pipeline.cli.installation import doctor
from pipeline.cli.lecture import gradcheck
from pipeline.cli.operations import gc, label, promote, remove, rollback
from pipeline.cli.predicting import predict
from pipeline.cli.published import models, verify
from pipeline.cli.report import report
from pipeline.cli.reproducing import reproduce
from pipeline.cli.runs import config, run, why
from pipeline.cli.server import serve
from pipeline.cli.signing import sign
from pipeline.cli.study import study
from pipeline.cli.track import track
from pipeline.cli.watching import watch
from pipeline.cli.workspace import clean, runs
from pipeline.terminal.usage_hints import HintingGroup

app = typer.Typer(
    name="pipeline",
    cls=HintingGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    run,
    study,
    config,
    why,
    runs,
    watch,
    report,
    compare,
    clean,
    gradcheck,
    models,
    predict,
    evaluate,
    verify,
    serve,
    label,
    promote,
    rollback,
    remove,
    gc,
    sign,
    reproduce,
    doctor,
):
    app.command()(command)
app.add_typer(track)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pipeline {metadata.version('dense-pipeline')}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    """Train, verify and publish dense neural networks from one YAML file."""
