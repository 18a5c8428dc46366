"""Fails where training lost speed against Keras in the same run: ``make bench-check``.

Ratios are compared, not seconds: they hold from machine to machine better.
"""

import json
import sys
from typing import Any

from benchmarks.machine import RESULTS
from benchmarks.training import SMALL, Case, measure

PEER, BATCH_SIZES = "keras_tutorial", (32, 128)
LEAST_SHARE = 0.6  # of the ratio in the table: a noisy minute costs less


def main() -> None:
    """Measure both, and exit with 1 if a ratio is under its share of that in the table."""
    before = ratios(json.loads((RESULTS / "training.json").read_text())["rows"])
    now = ratios(measure([Case(SMALL, size) for size in BATCH_SIZES], ["ours", PEER]))
    slower = [size for size in BATCH_SIZES if now[size] < LEAST_SHARE * before[size]]
    for size in BATCH_SIZES:
        print(f"batch {size}: {now[size]:.1f} times Keras fit; in the table {before[size]:.1f}")
    sys.exit(f"Training lost speed at batch {slower}." if slower else 0)


def ratios(rows: list[dict[str, Any]]) -> dict[int, float]:
    """Return Keras' seconds divided by ours, by batch size, of the small network."""
    found: dict[int, dict[str, float]] = {}
    for row in rows:
        if tuple(row["hidden"]) == SMALL and row["peer"] in ("ours", PEER):
            found.setdefault(row["batch_size"], {})[row["peer"]] = row["seconds"]
    return {size: seconds[PEER] / seconds["ours"] for size, seconds in found.items()}


if __name__ == "__main__":
    main()
