"""The commands for a configuration: ``run``, ``config`` and ``why``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import (
    HERE,
    STAGES,
    AllowOutside,
    Arguments,
    Debug,
    Json,
    OwnCode,
    Quiet,
    Verbose,
    WorkspaceDir,
    found_config,
    require_one,
    split_arguments,
)
from pipeline.terminal.session import print_json, report_errors, show_progress

if TYPE_CHECKING:
    from pipeline.artifacts.stage_facts import LayerSummary


def run(
    arguments: Arguments = None,
    until: Annotated[str, typer.Option(help=f"Stop after this stage: {STAGES}.")] = "publish",
    force: Annotated[
        str | None,
        typer.Option(help=f"Run this stage ({STAGES}) and the later ones even if up to date."),
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Print the command that shows the live curves.")
    ] = False,
    own_code: OwnCode = True,
    allow_outside: AllowOutside = False,
    workspace: WorkspaceDir = HERE,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Load data, train, evaluate, export, verify and publish; skip stages that are up to date."""
    with report_errors(as_json=json, debug=debug) as interruption:
        from pipeline import api
        from pipeline.terminal import documents, tables
        from pipeline.terminal.run_summary import print_result, print_summary

        require_one(quiet=quiet, verbose=verbose)
        config, overrides = split_arguments(arguments, quiet=quiet)
        if tensorboard:
            typer.echo(f"TensorBoard: {api.tensorboard_command(workspace)}", err=True)
        rank = api.worker_rank(config, overrides)
        log = workspace / "runs" / "libraries.log"
        with show_progress(interruption, log, debug=debug, quiet=quiet) as progress:
            if rank:
                trained = api.follow(config, overrides, workspace=workspace, progress=progress)
                ending = (
                    "The training has ended"
                    if trained
                    else "The run of worker 0 has ended without training"
                )
                progress.notice(f"{ending}. Worker 0 has the results.")
                return
            result = api.run(
                config,
                overrides,
                workspace=workspace,
                until=until,
                force=force,
                own_code=own_code,
                allow_outside=allow_outside,
                progress=progress,
            )
        if json:
            print_json(documents.run_document(result))
        elif quiet:
            print_result(result)
        else:
            if verbose:
                tables.print_run_tables(result)
            print_summary(result, workspace)


def config(
    arguments: Arguments = None,
    schema: Annotated[
        bool, typer.Option(help="Print the JSON Schema of configurations instead.")
    ] = False,
    show_augment: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png", help="Write a picture of what train.augment does to images instead."
        ),
    ] = None,
    workspace: WorkspaceDir = HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Print the resolved configuration with all defaults; on standard error, the layers."""
    with report_errors(as_json=json, debug=debug) as interruption:
        from pipeline import api
        from pipeline.config import Config
        from pipeline.config.yaml_text import dump_yaml
        from pipeline.errors import MissingExtra
        from pipeline.terminal import tables

        if schema:
            print_json(Config.model_json_schema())
            return
        resolved = api.resolve_config(*split_arguments(arguments))
        if show_augment is not None:
            with show_progress(interruption, None, debug=debug) as progress:
                api.show_augment(resolved, show_augment, workspace=workspace, progress=progress)
            if json:
                print_json({"picture": str(show_augment)})
            else:
                print(show_augment)
            return
        values = resolved.model_dump(mode="json")
        layers: list[LayerSummary] = []
        try:
            with show_progress(interruption, None, debug=debug) as progress:
                layers = api.describe_layers(resolved, progress=progress)
        except MissingExtra as error:
            typer.echo(f"Keras names and arguments were not checked. {error}", err=True)
        if json:
            print_json({"config": values, "layers": [vars(layer) for layer in layers]})
            return
        print(dump_yaml(values), end="", flush=True)
        if layers:
            tables.print_layers(layers, stderr=True)


def why(
    config: Annotated[Path, typer.Argument(help="A YAML file, or the name of one in configs/.")],
    stage: Annotated[str, typer.Argument(help=f"{STAGES}.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE ...]")] = None,
    workspace: WorkspaceDir = HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Explain why a stage would run, or report that it is up to date."""
    with report_errors(as_json=json, debug=debug):
        from pipeline import api
        from pipeline.terminal import documents, tables

        reasons = api.why(found_config(config), stage, overrides or (), workspace=workspace)
        print_json(documents.reasons_document(reasons)) if json else tables.print_reasons(reasons)
