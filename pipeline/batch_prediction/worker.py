"""A process that predicts parts: ``python -m pipeline.batch_prediction.worker``.

The first line of standard input is a ``Request`` as JSON, each further one a ``Part``. The answers
to a part are written to a file. Then a line is written to standard output: a ``Done`` as JSON, or
the class and the text of an error, which is the last line. The process is killed when its standard
input is closed.
"""

import json
import os
import queue
import signal
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.batch_prediction.answers import picture_answers, row_answers
from pipeline.batch_prediction.columns import output_schema
from pipeline.batch_prediction.opening import open_for_batches
from pipeline.batch_prediction.part_files import as_part, part_path
from pipeline.batch_prediction.row_reader import RowReader
from pipeline.batch_prediction.sources import Part
from pipeline.commands.predict import Reader
from pipeline.errors import PipelineError
from pipeline.runtimes.predictor import peak_memory_bytes
from pipeline.system.atomic import write_file

OPENED = -1  # in place of the number of a part
_BATCH_IMAGES = 1024  # a third faster than 4,096: intermediate results stay in the cache
_BATCH_BYTES = 64 * 2**20  # of pixels
_CHUNK_BYTES = 2**16


@dataclass(frozen=True)
class Request:
    """The path of the model, what messages call it, where to write, and the columns to keep."""

    path: str
    model: str
    folder: str
    keep: tuple[str, ...]


@dataclass(frozen=True)
class Done:
    """A part that was written, with its processor time; at first, the opened model.

    ``peak_bytes`` is the peak memory of the process, None if unknown.
    """

    number: int
    cpu_seconds: float
    peak_bytes: int | None


class PartPredictor:
    """Predicts parts with an opened model."""

    def __init__(self, request: Request, reader: Reader) -> None:
        size = max(1, _image_bytes(reader))
        rows = max(1, min(_BATCH_IMAGES, _BATCH_BYTES // size))
        self._request, self._reader = request, reader
        self._row_reader = RowReader(request.keep, rows)

    def write(self, part: Part) -> None:
        """Write the answers to the images of a part to its file."""
        table = self._row_answers(part) if part.rows else self._picture_answers(part)
        write_file(
            part_path(Path(self._request.folder), part.number),
            as_part(table),
            setting="--output",
        )

    def _row_answers(self, part: Part) -> Any:
        import pyarrow as pa

        assert part.rows is not None, "the part has rows"
        tables, first, schema = [], part.rows.first, None
        for rows in self._row_reader.batches(part):
            if schema is None:
                kept = {name: rows.schema.field(name).type for name in self._request.keep}
                schema = output_schema(self._reader, kept, {}, has_rows=True)
            file = part.rows.file
            tables.append(row_answers(self._reader, rows, schema, file=file, first=first))
            first += rows.num_rows
        return pa.concat_tables(tables)

    def _picture_answers(self, part: Part) -> Any:
        schema = output_schema(self._reader, {}, {}, has_rows=False)
        return picture_answers(self._reader, part.folder, part.pictures, schema)


def main() -> int:
    """Run the worker, and return its exit code."""
    output = os.dup(1)
    os.dup2(2, 1)  # the output of libraries must not reach the parent process
    lines: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_read_lines, args=(lines,), daemon=True).start()
    try:
        _predict_parts(lines, output)
    except PipelineError as error:
        _send(output, {"error": type(error).__name__, "text": str(error)})
        return error.exit_code
    return 0


def _predict_parts(lines: "queue.Queue[bytes]", output: int) -> None:
    request = Request(**json.loads(lines.get()))
    reader = open_for_batches(request.model, Path(request.path))
    predictor = PartPredictor(request, reader)
    _send(output, asdict(_done(OPENED, 0.0)))
    while True:  # until it is killed
        part = Part.from_line(lines.get())
        began = time.process_time()
        predictor.write(part)
        _send(output, asdict(_done(part.number, began)))


def _done(number: int, began: float) -> Done:
    return Done(number, time.process_time() - began, peak_memory_bytes("self"))


def _image_bytes(reader: Reader) -> int:
    height, width, channels = reader.preprocessing.image_shape
    return height * width * channels


def _send(output: int, document: object) -> None:
    os.write(output, json.dumps(document).encode() + b"\n")


def _read_lines(lines: "queue.Queue[bytes]") -> None:
    """Read lines from the parent process; the pipe is closed when it exits."""
    rest = b""
    # Not sys.stdin: holding its lock would abort the interpreter at shutdown.
    while chunk := os.read(0, _CHUNK_BYTES):
        *complete, rest = (rest + chunk).split(b"\n")
        for line in complete:
            lines.put(line)
    os.killpg(0, signal.SIGKILL)  # the session of this worker


if __name__ == "__main__":
    sys.exit(main())
