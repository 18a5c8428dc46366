"""The command ``predict``: a few images on the terminal, or many into a Parquet file."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import HERE, Debug, Json, WorkspaceDir
from pipeline.terminal.session import print_json, report_errors, show_progress

_BATCH = "Many images"  # the panel of these options in --help


def predict(
    model: Annotated[
        Path,
        typer.Argument(
            help="NAME or NAME/VERSION of a published model, or a path, also below --workspace."
        ),
    ],
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE ...", help="Pictures or .npy arrays.")
    ] = None,
    many: Annotated[
        bool,
        typer.Option(
            "--many",
            help="Read all digits in a picture, left to right, and print them as one number (for "
            "regression, the value of each).",
        ),
    ] = False,
    input_: Annotated[
        list[Path] | None,
        typer.Option(
            "--input",
            metavar="DIR|FILE ...",
            help="A folder of pictures, or Parquet files with the column image.",
            rich_help_panel=_BATCH,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The Parquet file to write. An interrupted command can be resumed.",
            rich_help_panel=_BATCH,
        ),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Copy this column of the Parquet files; may be repeated.",
            rich_help_panel=_BATCH,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Number of processes, of one thread each (default: one per processor).",
            rich_help_panel=_BATCH,
        ),
    ] = None,
    part_images: Annotated[
        int | None,
        typer.Option(
            help="Images per part; an interruption loses the parts in progress (default: 8,192 "
            "rows, 256 pictures).",
            rich_help_panel=_BATCH,
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Replace the output, and parts of another prediction.",
            rich_help_panel=_BATCH,
        ),
    ] = False,
    workspace: WorkspaceDir = HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Print the label or value of each image, or write those of many images, without TensorFlow."""
    with report_errors(as_json=json, debug=debug) as interruption:
        from pipeline import api
        from pipeline.terminal import documents, tables
        from pipeline.terminal.batch_prediction import batch_document, print_batch

        inputs = [*(input_ or ()), *(files or ())]  # the shell expands --input *.parquet
        is_batch = output is not None
        _require_consistent(
            inputs=inputs,
            is_batch=is_batch,
            many=many,
            only_batch={
                "--input": input_,
                "--keep": keep,
                "--workers": workers,
                "--part-images": part_images,
                "--force": force,
            },
        )
        with show_progress(interruption, None, debug=debug) as progress:
            if output is not None:
                result = api.predict_batch(
                    model,
                    inputs,
                    output,
                    keep=keep or [],
                    workers=workers,
                    part_images=part_images,
                    force=force,
                    workspace=workspace,
                    progress=progress,
                )
            else:
                with progress.task("predicting", total=len(inputs)):
                    predictions = api.predict(model, inputs, workspace=workspace)
        if is_batch:
            print_json(batch_document(result)) if json else print_batch(result)
        elif json:
            print_json(documents.predictions_document(predictions))
        else:
            tables.print_predictions(predictions, many=many)


def _is_given(value: object) -> bool:
    return value is not None and value is not False and value != []


def _require_consistent(
    *, inputs: list[Path], is_batch: bool, many: bool, only_batch: dict[str, object]
) -> None:
    """Reject options of one kind of prediction with the other.

    Raises:
        RequestError: they contradict each other, or there is nothing to predict.
    """
    from pipeline.errors import RequestError

    given = next((name for name, value in only_batch.items() if _is_given(value)), None)
    if given and not is_batch:
        raise RequestError(f"{given} needs --output FILE.parquet, where the predictions go.")
    if is_batch and many:
        raise RequestError(
            "--many is for the terminal: with --output, the column digits has all digits of a "
            "picture. Remove --many."
        )
    if not inputs:
        raise RequestError(
            "There is nothing to predict. Write pipeline predict MODEL FILE ..., or for many "
            "images: pipeline predict MODEL --input DIR --output FILE.parquet"
        )
