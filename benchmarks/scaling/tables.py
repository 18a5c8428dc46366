"""The tables of docs/performance.md from the saved measurements."""

from itertools import product
from statistics import median

from benchmarks.markdown import table
from benchmarks.scaling.results import (
    Row,
    costs_of,
    fitted,
    limits,
    median_of,
    name_of,
    pairs,
    ratios,
    select,
)

LINKS = (10, 100)  # Gbit/s
DELAY = 50e-6  # seconds of a message in a network, an assumption
WORKERS = (8, 64, 512)
_BATCHES = {"1,024": False, "1,024 per worker": True}


def scaling_table(result: Row) -> str:
    """Return the speed of one and two workers, and what two cost."""
    lines = []
    for one, two in pairs(result["rows"]):
        speedups = ratios(one, two)
        lines.append(
            [
                name_of(one),
                f"{two['batch_size']:,}",
                f"{1 / median_of(one):.2f}",
                f"{1 / median_of(two):.2f}",
                f"{median(speedups):.2f}x ({min(speedups):.2f} to {max(speedups):.2f})",
                _milliseconds(median_of(one, "cpu")),
                _milliseconds(median_of(two, "cpu")),
                f"{median(ratios(one, two, 'cpu')):.2f}x",
                f"{two['bytes'] / 1e6:.2f} MB",
                f"{median_of(two, 'on_loopback') / 2e6:.2f} MB",
            ]
        )
    head = ["network", "batch size of two workers", "steps/s of one", "of two", "images/s"]
    head += ["processor time of one", "of each of two", "images/s if nothing waited"]
    head += ["summed in a step", "sent by each"]
    return table(head, lines)


def sums_table(result: Row) -> str:
    """Return the costs of sums without a training."""
    rows, lines = result["rows"], []
    for two in select(rows, what="sum", workers=2, gbit=None):
        size = two["bytes"]
        [four] = select(rows, what="sum", workers=4, bytes=size)
        times = [median_of(two, "cpu"), median_of(four, "cpu"), median_of(two)]
        cells = [_milliseconds(seconds, 2) for seconds in times]
        for gbit in limits(rows):
            measured = select(rows, what="sum", bytes=size, gbit=gbit)
            cells.append(_milliseconds(median_of(measured[0]), 2) if measured else "")
        lines.append([f"{size:,}", *cells])
    head = ["bytes", "processor time of each of two workers", "of each of four", "time of two"]
    return table([*head, *(f"at {gbit:g} Gbit/s" for gbit in limits(rows))], lines)


def costs_table(result: Row) -> str:
    """Return the constants of the model."""
    lines = []
    for costs, name in fitted(result["rows"]):
        sums = costs.sums
        gradient = [_milliseconds(costs.once, 1), f"{1e6 * costs.per_image:.1f} µs"]
        waiting = [_milliseconds(seconds, 2) for seconds in (sums.once, sums.hop)]
        others = [*waiting, f"{1e9 * sums.per_byte:.2f} ns"]
        lines.append([name, *gradient, _milliseconds(costs.update, 1), *others])
    return table(["network", "a", "b", "u", "f", "h", "c"], lines)


def check_table(result: Row) -> str:
    """Return the steps as the model predicts them, and as they were measured."""
    lines = []
    for row in select(result["rows"], what="step"):
        costs, measured = costs_of(result["rows"], row["hidden"]), median_of(row)
        predicted = costs.seconds(row["workers"], row["batch_size"], gbit=row["gbit"])
        link = f"{row['gbit']:g} Gbit/s" if row["gbit"] else "loopback"
        cells = [str(row["workers"]), f"{row['batch_size']:,}", link if row["workers"] > 1 else ""]
        times = [_milliseconds(seconds) for seconds in (predicted, measured)]
        lines.append([name_of(row), *cells, *times, f"{100 * (predicted / measured - 1):+.0f} %"])
    head = ["network", "workers", "batch", "between them", "model", "measured", "difference"]
    return table(head, lines)


def model_table(result: Row) -> str:
    """Return the speed-ups that the model predicts."""
    lines = []
    for costs, name in fitted(result["rows"]):
        for (title, grows), workers in product(_BATCHES.items(), WORKERS):
            batch_size = 1024 * workers if grows else 1024
            cells = []
            for gbit in LINKS:
                step = costs.seconds(workers, batch_size, gbit=gbit, delay=DELAY)
                times = costs.speedup(workers, batch_size, 1024, gbit=gbit, delay=DELAY)
                cells.append(f"{times:,.1f}x ({_milliseconds(step)})")
            lines.append([name, title, str(workers), *cells])
    head = ["network", "batch", "workers", *(f"{gbit} Gbit/s" for gbit in LINKS)]
    return table(head, lines)


def _milliseconds(seconds: float, decimals: int = 0) -> str:
    return f"{1000 * seconds:,.{decimals}f} ms"
