"""A million images into a Parquet file by one and by two processes, in alternation.

    python -m benchmarks.batch_prediction MODEL [--images N] [--rounds N] [-C WORKSPACE]

The input, a Parquet file of 230 MB with MNIST's images again and again, is written to the temporary
folder. The time is that of the predictions and of the joining of the parts, without start-up.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.machine import save, write_digits
from pipeline import predict_batch
from pipeline.progress import Silent

NUM_IMAGES, ROUNDS, WORKERS = 1_000_000, 3, (1, 2)
GROUP = 50_000  # rows of a row group


def main() -> None:
    """Measure, print each row, and save the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--images", type=int, default=NUM_IMAGES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("-C", "--workspace", type=Path, default=Path())
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with TemporaryDirectory() as folder:
        file = write_images(Path(folder) / "images.parquet", options.images)
        for number in range(options.rounds):
            for workers in WORKERS if number % 2 == 0 else reversed(WORKERS):
                rows.append(measure(options.model, file, workers, options.workspace))
                print(rows[-1], flush=True)
    save("batch_prediction", {"images": options.images, "rows": rows})


def write_images(path: Path, count: int) -> Path:
    """Write MNIST's training images, from the first one again after the last."""
    images = np.load(write_digits() / "images.npy")
    pixels = images[0].size
    schema = pa.schema({"image": pa.list_(pa.uint8(), pixels)})
    with pq.ParquetWriter(path, schema) as writer:
        for group in groups(len(images), count):
            flat = pa.array(images[group].reshape(-1))
            column = pa.FixedSizeListArray.from_arrays(flat, pixels)
            writer.write_table(pa.table([column], schema=schema))
    return path


def groups(num_images: int, count: int) -> Iterator[np.ndarray]:
    """Yield the numbers of the images of each row group."""
    for first in range(0, count, GROUP):
        yield np.arange(first, min(first + GROUP, count)) % num_images


def measure(model: str, file: Path, workers: int, workspace: Path) -> dict[str, Any]:
    """Predict a file, and remove the output."""
    output = file.with_name("answers.parquet")
    result = predict_batch(
        model, file, output, workers=workers, workspace=workspace, progress=Silent()
    )
    output.unlink()
    return {
        "workers": workers,
        "model": result.model,
        "seconds": result.seconds,
        "join_seconds": result.join_seconds,
        "cpu_seconds": result.cpu_seconds,
        "peak_bytes": result.peak_bytes,
    }


if __name__ == "__main__":
    main()
