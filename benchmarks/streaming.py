"""A data set as large as MNIST-8M, in memory and streamed: ``python -m benchmarks.streaming``.

8,100,000 digits, 6.35 GB: each group of 1,000 MNIST digits is deformed by its own smooth random
displacement field (Simard et al. 2003, section 2). Needs 6.5 GB of disk and 9 GB of memory.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import ndimage, sparse

from benchmarks.machine import OURS, PEERS, SCRATCH, call, save, write_digits
from pipeline.artifacts.data_set import split_file, write_array
from pipeline.terminal.console import TerminalProgress

NUM_IMAGES, GROUP = 8_100_000, 1_000
MEMORY_MB, ROUNDS = 500, 2
SIDE, STRENGTH, SMOOTHNESS = 28, 34.0, 4.0  # in pixels; Simard et al. used 34 and 4


def main() -> None:
    """Create the data set if it does not exist, train with both feeds, and save the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=NUM_IMAGES)
    options = parser.parse_args()
    folder = write_digits()
    large = SCRATCH / f"deformed-{options.images}"
    if not (large / "done").exists():
        large.mkdir(parents=True, exist_ok=True)
        deform(folder, large, options.images)
        (large / "done").touch()
    rows = []
    for _ in range(ROUNDS):
        for memory_mb in (None, MEMORY_MB):
            row = call(OURS, PEERS / "ours_large.py", large, json.dumps(memory_mb))
            rows.append({"memory_mb": memory_mb, **row})
            print(json.dumps(rows[-1]), flush=True)
    save("streaming", {"images": options.images, "memory_mb": MEMORY_MB, "rows": rows})


def deform(folder: Path, large: Path, num_images: int) -> None:
    """Write ``num_images`` deformed digits and their labels, a group at a time."""
    images = np.load(folder / "images.npy").reshape(-1, SIDE * SIDE).astype(np.float32)
    labels = np.load(folder / "labels.npy")
    generator = np.random.default_rng(0)
    picks = generator.integers(0, len(labels), num_images)
    with TerminalProgress().task("deforming digits", total=num_images) as task:

        def groups() -> Iterator[np.ndarray]:
            for first in range(0, num_images, GROUP):
                group = images[picks[first : first + GROUP]]
                moved = (displacement(generator) @ group.T).T
                yield np.clip(np.rint(moved), 0, 255).astype(np.uint8).reshape(-1, SIDE, SIDE, 1)
                task.update(first)

        shape = (num_images, SIDE, SIDE, 1)
        write_array(large / split_file("train", "images"), groups(), shape, np.uint8)
    write_array(large / split_file("train", "labels"), [labels[picks]], (num_images,), np.int64)


def displacement(generator: np.random.Generator) -> sparse.csr_matrix:
    """Return the matrix (784, 784) that moves each pixel by a smooth field, bilinearly."""
    fields = generator.uniform(-1, 1, (2, SIDE, SIDE))
    moves = [STRENGTH * ndimage.gaussian_filter(f, SMOOTHNESS, mode="constant") for f in fields]
    places = zip(np.indices((SIDE, SIDE)), moves, strict=True)
    rows, columns = (np.clip(place + move, 0, SIDE - 1.001) for place, move in places)
    top, left = rows.astype(int), columns.astype(int)
    down, right = rows - top, columns - left
    corners = (
        (top, left, (1 - down) * (1 - right)),
        (top, left + 1, (1 - down) * right),
        (top + 1, left, down * (1 - right)),
        (top + 1, left + 1, down * right),
    )
    target = np.arange(SIDE * SIDE)
    matrices = [
        sparse.csr_matrix((w.ravel(), (target, (r * SIDE + c).ravel())), shape=(SIDE**2, SIDE**2))
        for r, c, w in corners
    ]
    return sum(matrices[1:], matrices[0]).astype(np.float32)


if __name__ == "__main__":
    main()
