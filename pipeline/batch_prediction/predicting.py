"""Predict many images into one Parquet file, which an interruption does not undo."""

import time
from collections.abc import Sequence
from pathlib import Path

from pipeline.batch_prediction.columns import output_schema, require_pyarrow
from pipeline.batch_prediction.facts import description, metadata, model_facts
from pipeline.batch_prediction.joining import join
from pipeline.batch_prediction.opening import open_for_batches
from pipeline.batch_prediction.options import Options
from pipeline.batch_prediction.parquet_files import parquet_source
from pipeline.batch_prediction.part_files import is_complete
from pipeline.batch_prediction.parts_folder import (
    locked_parts,
    prepare,
    remove_parts,
)
from pipeline.batch_prediction.picture_folder import folder_source
from pipeline.batch_prediction.result import BatchPrediction
from pipeline.batch_prediction.schedule import Schedule
from pipeline.batch_prediction.sources import Part, Source
from pipeline.batch_prediction.worker import Request
from pipeline.batch_prediction.workers import Times, predict_parts
from pipeline.commands.loading import PathLike
from pipeline.commands.predict import Reader
from pipeline.engine.workspace import Workspace
from pipeline.errors import DataFileError, RequestError
from pipeline.progress import IMAGES, Progress
from pipeline.publishing.locating import locate
from pipeline.publishing.published_folder import find_published
from pipeline.system.atomic import remove_abandoned
from pipeline.system.resources import num_processors

_PART_ROWS, _PART_PICTURES = 8192, 256  # about 0.4 s with the default model, and 2 s


def predict_into(
    model: PathLike,
    inputs: Sequence[PathLike],
    output: Path,
    options: Options,
    workspace: Workspace,
    progress: Progress,
) -> BatchPrediction:
    """Predict the images of Parquet files, or of a folder, in several processes.

    Raises:
        RequestError: the output exists, or parts of another prediction are beside it.
        ModelError: the model cannot be opened, or predicts infinity or NaN.
        DataFileError: the input cannot be read, or has another schema.
        MissingExtra: pyarrow is not installed.
        WorkerFailed: a worker process was killed.
    """
    require_pyarrow()
    options.require_valid()
    names = [str(name) for name in inputs]
    _require_writable(output, names, force=options.force)
    path = locate(model, workspace.exported).absolute()
    if not path.is_file():
        path = find_published(path).path  # now: a label may move in the meantime
    reader = open_for_batches(model, path)
    source = _opened_source(names, reader, options)
    facts = model_facts(path)
    with locked_parts(output) as folder:
        _require_writable(output, names, force=options.force)  # not completed in the meantime
        remove_abandoned(output.parent)
        bound_to = description(facts, source, options)
        prepare(folder, bound_to, force=options.force, notice=progress.notice)
        request = Request(str(path), str(model), str(folder), tuple(options.keep))
        complete = {part.number for part in source.parts if is_complete(folder, part)}
        times = _predict(request, source, complete, options, progress)
        began = time.perf_counter()
        described = metadata(facts, reader, source)
        schema = output_schema(reader, source.kept_types, described, has_rows=source.has_rows)
        with progress.task("joining the parts"):
            counts = join(folder, source.parts, schema, output)
        remove_parts(folder)
    return BatchPrediction(
        output=output,
        model=facts["name"],
        images=counts.images,
        bad=counts.bad,
        unsure=counts.unsure,
        first_bad=tuple(counts.first_bad),
        resumed=sum(source.parts[number].count for number in complete),
        seconds=times.seconds,
        join_seconds=time.perf_counter() - began,
        cpu_seconds=times.cpu_seconds,
        peak_bytes=times.peak_bytes,
    )


def _predict(
    request: Request, source: Source, complete: set[int], options: Options, progress: Progress
) -> Times:
    remaining = [part.number for part in source.parts if part.number not in complete]
    workers = min(options.workers or num_processors(), len(remaining))
    done = sum(source.parts[number].count for number in complete)
    with progress.task("predicting", total=source.count, unit=IMAGES) as task:

        def on_done(part: Part) -> None:
            nonlocal done
            done += part.count
            task.update(done)

        task.update(done)
        return predict_parts(request, Schedule(source.parts, remaining), workers, on_done)


def _require_writable(output: Path, inputs: list[str], *, force: bool) -> None:
    if output.is_dir():
        raise RequestError(f"--output must be a file; got the folder {output}.")
    if not output.exists():
        return
    if any(Path(name).exists() and Path(name).samefile(output) for name in inputs):
        raise RequestError(f"--output must not be a file of the input; got {output} for both.")
    if not force:
        raise RequestError(
            f"{output} exists already. Choose another --output, or use --force to replace it."
        )


def _opened_source(names: list[str], reader: Reader, options: Options) -> Source:
    folders = [name for name in names if Path(name).is_dir()]
    if folders and len(names) > 1:
        raise RequestError(
            f"--input must be Parquet files, or one folder of pictures; got the folder "
            f"{folders[0]} among {len(names)} paths. Predict each folder into its own output."
        )
    if folders and options.keep:
        raise RequestError("--keep names columns of Parquet files; pictures have none. Remove it.")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataFileError(f"--input must name each file once; got {twice} twice.")
    if folders:
        return folder_source(names[0], options.part_images or _PART_PICTURES)
    shape = reader.preprocessing.image_shape
    return parquet_source(names, shape, options.keep, options.part_images or _PART_ROWS)
