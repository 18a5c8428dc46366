"""Shorter trainings of the record: ``python -m benchmarks.record_short``.

They show its accuracy against processor time, beside the results of ``benchmarks.record``.
"""

import argparse
import statistics
import sys
from pathlib import Path

from benchmarks.machine import save
from benchmarks.record import WORKSPACE, measure
from benchmarks.record_curve import draw_curve, points

EPOCHS = (13, 38, 64)  # about 1, 3 and 5 minutes of processor time
SEEDS = 3


def main() -> None:
    """Train anew, since the processor time is measured; save the results and draw the curve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, default=WORKSPACE.with_name("record_short"))
    options = parser.parse_args()
    if options.workspace.exists():
        sys.exit(f"{options.workspace} exists; stored trainings have no processor time. Remove it.")
    rows = []
    for epochs in EPOCHS:
        runs = [measure(n, options.workspace, [f"train.epochs={epochs}"])[0] for n in range(SEEDS)]
        row = {
            "epochs": epochs,
            "errors": [run["errors"] for run in runs],
            "cpu_minutes": statistics.fmean(run["cpu_seconds"] for run in runs) / 60,
        }
        rows.append(row)
        print(row, flush=True)
    save("record_curve", {"rows": rows})
    draw_curve(points(rows))


if __name__ == "__main__":
    main()
