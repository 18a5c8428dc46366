"""Predict many images into one Parquet file, which an interruption does not undo."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from pipeline.artifacts.formats import artifact_name
from pipeline.batch_prediction.columns import output_schema, require_pyarrow
from pipeline.batch_prediction.joining import BadImage, join
from pipeline.batch_prediction.opening import open_for_batches
from pipeline.batch_prediction.parquet_files import parquet_source
from pipeline.batch_prediction.part_files import is_complete
from pipeline.batch_prediction.parts_folder import (
    locked_parts,
    prepare,
    remove_parts,
)
from pipeline.batch_prediction.picture_folder import folder_source
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
from pipeline.system.atomic import remove_abandoned, sha256
from pipeline.system.packages import installed_version
from pipeline.system.resources import num_processors

_PART_ROWS, _PART_PICTURES = 8192, 256  # about 0.4 s with the default model, and 2 s
_MAX_WORKERS = 1024


@dataclass(frozen=True)
class BatchPrediction:
    """What was predicted: ``output`` has a row for each of ``images``, in the order of the input.

    ``bad`` of them could not be read, ``first_bad`` are the first few; ``unsure`` answers are in
    doubt. ``resumed`` is the number of images whose answers an interrupted command had left.
    ``seconds`` is the time for all others, from the first to the last, ``join_seconds`` that for
    the joining of the parts. ``cpu_seconds`` is the processor time of each worker process, and
    ``peak_bytes`` the peak memory of the largest, None if unknown.
    """

    output: Path
    model: str
    images: int
    bad: int
    unsure: int
    first_bad: tuple[BadImage, ...]
    resumed: int
    seconds: float
    join_seconds: float
    cpu_seconds: tuple[float, ...]
    peak_bytes: int | None


class BatchOptions(TypedDict, total=False):
    """Options of ``pipeline.predict_batch``.

    ``keep`` names columns of the Parquet files to copy; a column with the name of one of the output
    gets the prefix ``input_``. ``workers`` is the number of processes, by default one for each
    processor. ``part_images`` is the number of images that are written together, and lost together
    if interrupted. ``force`` replaces an existing output, and the parts of another prediction.
    """

    keep: Sequence[str]
    workers: int | None
    part_images: int | None
    force: bool


@dataclass(frozen=True)
class Options:
    """``BatchOptions`` with their defaults."""

    keep: Sequence[str] = ()
    workers: int | None = None
    part_images: int | None = None
    force: bool = False

    def require_valid(self) -> None:
        """Check the numbers.

        Raises:
            RequestError: one is out of range, or a column is kept twice.
        """
        for name, value in (("--workers", self.workers), ("--part-images", self.part_images)):
            limit = _MAX_WORKERS if name == "--workers" else 10**9
            if value is not None and not 1 <= value <= limit:
                raise RequestError(f"{name} must be from 1 to {limit:,}; got {value:,}.")
        repeated = {name for name in self.keep if self.keep.count(name) > 1}
        if repeated:
            raise RequestError(f"--keep must name a column once; got {min(repeated)} twice.")


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
    reader = open_for_batches(model, path)
    source = _opened_source(names, reader, options)
    facts = _model_facts(path)
    with locked_parts(output) as folder:
        _require_writable(output, names, force=options.force)  # not completed in the meantime
        remove_abandoned(output.parent)
        description = _description(facts, source, options)
        prepare(folder, description, force=options.force, notice=progress.notice)
        request = Request(str(path), str(model), str(folder), tuple(options.keep))
        complete = {part.number for part in source.parts if is_complete(folder, part)}
        times = _predict(request, source, complete, options, progress)
        began = time.perf_counter()
        metadata = _metadata(facts, reader, source)
        schema = output_schema(reader, source.kept_types, metadata, has_rows=source.has_rows)
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


def _model_facts(path: Path) -> dict[str, str]:
    """Return name, version and hashes of a published model, or of a file."""
    if path.is_file():
        return {"name": path.name, "sha256": sha256(path)}
    published = find_published(path)
    return {
        "name": f"{published.name}/{published.version}",
        "sha256": published.manifest.files[artifact_name("onnx")].sha256,
        "manifest_sha256": sha256(published.path / "manifest.json"),
    }


def _description(
    facts: dict[str, str], source: Source, options: Options
) -> dict[str, dict[str, str]]:
    """Return what the answers depend on, and how they are divided."""
    settings = {
        "--keep": ", ".join(options.keep),
        "--part-images": str(options.part_images),
        "onnxruntime": str(installed_version("onnxruntime")),
        "dense-pipeline": str(installed_version("dense-pipeline")),
    }
    return {"model": facts, "input": source.identity, "setting": settings}


def _metadata(facts: dict[str, str], reader: Reader, source: Source) -> dict[str, Any]:
    """Return the metadata of the output."""
    return {
        **{f"model_{name}": text for name, text in facts.items()},
        "task": reader.task.name,
        "class_names": [*reader.class_names],
        "input": [*source.identity],
        "onnxruntime": str(installed_version("onnxruntime")),
        "dense-pipeline": str(installed_version("dense-pipeline")),
    }
