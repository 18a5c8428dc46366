"""Accuracy of the record against processor time: the results of ``benchmarks.record_short``."""

import json
import math
import statistics
from typing import Any

from benchmarks.lecture.charts import Axis, Chart, Series
from benchmarks.machine import PROJECT, RESULTS
from benchmarks.markdown import table

FIGURE = PROJECT / "docs" / "figures" / "record_curve.svg"
Row = dict[str, Any]


def points(rows: list[Row]) -> list[Row]:
    """Return the shorter trainings, that of the record, and those of its committee.

    The processor time of the last two is that of an epoch times their epochs.
    """
    record = json.loads((RESULTS / "record.json").read_text())
    epochs = record["rows"][0]["epochs"]
    minutes = epochs * rows[-1]["cpu_minutes"] / rows[-1]["epochs"]
    size, together = len(record["rows"]), record["committee"]["networks"]
    errors = [row["errors"] for row in record["rows"]]
    return [
        *({**row, "name": f"{row['epochs']} epochs"} for row in rows),
        {"name": f"`record`, {epochs} epochs", "errors": errors, "cpu_minutes": minutes},
        {"name": f"committee of {size}", "errors": [together], "cpu_minutes": size * minutes},
    ]


def draw_curve(found: list[Row]) -> None:
    """Draw the mean test accuracy of each point."""
    x = Axis("minutes of processor time", [1, 3, 10, 30, 100], logarithmic=True)
    line = [(point["cpu_minutes"], accuracy(point)) for point in found]
    tenths = [10 * accuracy(point) for point in found]
    ticks = range(math.floor(min(tenths)), math.ceil(max(tenths)) + 1)
    y = Axis("test accuracy in %", [tick / 10 for tick in ticks])
    series = [Series("", line, 0), Series("", line, 0, dots=True)]
    FIGURE.write_text(Chart("Accuracy against processor time", x, y, series, right=20).draw())


def accuracy(point: Row) -> float:
    """Return the mean test accuracy in percent, of 10,000 images."""
    return 100 - statistics.fmean(point["errors"]) / 100


def curve_table(result: Row) -> str:
    """Return the processor time, the errors and the mean accuracy of each point."""
    lines = [
        [
            point["name"],
            f"{point['cpu_minutes']:.1f}" if "epochs" in point else f"{point['cpu_minutes']:.0f}",
            ", ".join(map(str, point["errors"])),
            f"{accuracy(point):.2f} %",
        ]
        for point in points(result["rows"])
    ]
    return table(["training", "CPU minutes", "test errors", "mean accuracy"], lines)
