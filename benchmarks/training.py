"""Seconds per epoch of this project and its peers: ``python -m benchmarks.training``."""

import argparse
import json
import statistics
import sys
from dataclasses import dataclass
from typing import Any

from benchmarks.machine import OURS, PEERS, RESULTS, call, save, write_digits

ENVIRONMENT_OF = {
    "ours": OURS,
    "keras_tutorial": "keras",
    "keras_arrays": "keras",
    "pytorch_eager": "pytorch",
    "pytorch_compile": "pytorch",
    "jax_scan": "jax",
    "scikit_learn": "scikit-learn",
}
NUM_IMAGES = 60_000
ROUNDS = 2  # peers alternate, so that a slow minute of the machine affects all
EPOCHS = 4  # per round: one to warm up, three measured
MAX_LOSS_RATIO = 1.15  # of the mean loss over all epochs; the order of the images differs


@dataclass(frozen=True)
class Case:
    """A network, a batch size, and the number of images whose time is scaled to an epoch."""

    hidden: tuple[int, ...]
    batch_size: int
    num_images: int = NUM_IMAGES


SMALL, LARGE = (128,), (1024, 1024)
CASES = (
    Case(SMALL, 1, 6_000),
    *(Case(SMALL, size) for size in (32, 128, 1024, NUM_IMAGES)),
    Case(LARGE, 1, 600),
    Case(LARGE, 32, 12_000),
    *(Case(LARGE, size) for size in (128, 256, 1024, NUM_IMAGES)),
)


def main() -> None:
    """Measure all cases and save the results; exit with 1 if the loss of a peer deviates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", nargs="+", default=list(ENVIRONMENT_OF))
    parser.add_argument("--batch-sizes", nargs="+", type=int)
    parser.add_argument(
        "--keep", action="store_true", help="keep the earlier results of other cases"
    )
    options = parser.parse_args()
    cases = [c for c in CASES if c.batch_size in (options.batch_sizes or [c.batch_size])]
    rows = measure(cases, options.peers)
    earlier = others(rows) if options.keep else []
    save("training", {"rows": [*earlier, *rows], "products": measure_products()})
    wrong = [row for row in rows if row.get("learns") is False]
    for row in wrong:
        print(f"{row['peer']} deviates at batch {row['batch_size']}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


def others(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of the last run whose cases were not measured this time."""
    measured = {(tuple(row["hidden"]), row["batch_size"]) for row in rows}
    earlier = json.loads((RESULTS / "training.json").read_text())["rows"]
    return [r for r in earlier if (tuple(r["hidden"]), r["batch_size"]) not in measured]


def measure(cases: list[Case], peers: list[str]) -> list[dict[str, Any]]:
    """Return one row for each case and peer."""
    folder = write_digits()
    rows = []
    for case in cases:
        found: dict[str, list[dict[str, Any]]] = {peer: [] for peer in peers}
        for _ in range(ROUNDS):
            for peer in peers:
                found[peer].append(run_peer(peer, case, str(folder)))
        mine = [summarize(peer, case, runs) for peer, runs in found.items()]
        check_losses(mine)
        for row in mine:
            print(json.dumps({k: v for k, v in row.items() if k != "all_seconds"}), flush=True)
        rows += mine
    return rows


def run_peer(peer: str, case: Case, folder: str) -> dict[str, Any]:
    """Return the seconds and losses of all epochs, or the error."""
    problem = {
        "folder": folder,
        "hidden": case.hidden,
        "batch_size": case.batch_size,
        "epochs": EPOCHS,
        "num_images": case.num_images,
    }
    return call(ENVIRONMENT_OF[peer], PEERS / "harness.py", peer, json.dumps(problem))


def summarize(peer: str, case: Case, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return medians over all rounds, without the first epoch of each."""
    row: dict[str, Any] = {"peer": peer, "hidden": case.hidden, "batch_size": case.batch_size}
    failed = [run["error"] for run in runs if "error" in run]
    if failed:
        return {**row, "error": failed[0]}
    scale = NUM_IMAGES / case.num_images
    seconds = [scale * value for run in runs for value in run["seconds"][1:]]
    overheads = [run["seconds"][0] - statistics.median(run["seconds"][1:]) for run in runs]
    return {
        **row,
        "num_images": case.num_images,
        "seconds": statistics.median(seconds),
        "all_seconds": seconds,
        "first_epoch_overhead": statistics.median(overheads),
        "losses": runs[0]["losses"],
        "version": runs[0]["version"],
    }


def check_losses(rows: list[dict[str, Any]]) -> None:
    """Mark each peer by whether its loss is near the median of all."""
    losses = {row["peer"]: statistics.mean(row["losses"]) for row in rows if "losses" in row}
    median = statistics.median(losses.values())
    for row in rows:
        if "losses" in row:
            ratio = losses[row["peer"]] / median
            row["learns"] = 1 / MAX_LOSS_RATIO < ratio < MAX_LOSS_RATIO


def measure_products() -> dict[str, Any]:
    """Return the arithmetic limit: GFLOP/s of a matrix product in each round."""
    runs = [call(OURS, PEERS / "matrix_product.py") for _ in range(ROUNDS)]
    return {kind: [run[kind] for run in runs] for kind in runs[0]}


if __name__ == "__main__":
    main()
