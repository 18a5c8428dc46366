"""Check that training has not become slower relative to Keras: ``make bench-check``.

Ratios are compared instead of seconds, since they vary less between machines.
"""

import json
import sys
from typing import Any

from benchmarks.machine import RESULTS
from benchmarks.training import SMALL, Case, measure

PEER, BATCH_SIZES = "keras_tutorial", (32, 128)
MIN_SHARE = 0.6  # of the ratio in the table: noise on a busy machine is smaller


def main() -> None:
    """Measure both; exit with 1 if a ratio is below ``MIN_SHARE`` of that in the table."""
    before = ratios(json.loads((RESULTS / "training.json").read_text())["rows"])
    now = ratios(measure([Case(SMALL, size) for size in BATCH_SIZES], ["ours", PEER]))
    slower = [size for size in BATCH_SIZES if now[size] < MIN_SHARE * before[size]]
    for size in BATCH_SIZES:
        print(f"batch size {size}: {now[size]:.1f}x Keras fit; {before[size]:.1f}x in the table")
    sys.exit(f"Training has become slower at batch sizes {slower}." if slower else 0)


def ratios(rows: list[dict[str, Any]]) -> dict[int, float]:
    """Return Keras' seconds divided by ours for the small network, by batch size."""
    found: dict[int, dict[str, float]] = {}
    for row in rows:
        if tuple(row["hidden"]) == SMALL and row["peer"] in ("ours", PEER):
            found.setdefault(row["batch_size"], {})[row["peer"]] = row["seconds"]
    return {size: seconds[PEER] / seconds["ours"] for size, seconds in found.items()}


if __name__ == "__main__":
    main()
