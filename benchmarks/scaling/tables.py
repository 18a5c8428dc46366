"""The tables of docs/performance.md from the saved measurements."""

from collections.abc import Iterator
from itertools import product
from statistics import median
from typing import Any

from benchmarks.markdown import table
from benchmarks.scaling.estimates import StepCosts, SumCosts

Row = dict[str, Any]
LINKS = (10, 100)  # Gbit/s
DELAY = 50e-6  # seconds of a message in a network, an assumption
WORKERS = (8, 64, 512)


def scaling_table(result: Row) -> str:
    """Return the speed of one and two workers, and what two cost."""
    lines = []
    for one, two in _pairs(result["rows"]):
        ratios, of_processors = _ratios(one, two), _ratios(one, two, "cpu")
        lines.append(
            [
                _name(one),
                f"{two['batch_size']:,}",
                f"{1 / _median(one):.2f}",
                f"{1 / _median(two):.2f}",
                f"{median(ratios):.2f}x ({min(ratios):.2f} to {max(ratios):.2f})",
                f"{1000 * _median(one, 'cpu'):,.0f} ms",
                f"{1000 * _median(two, 'cpu'):,.0f} ms",
                f"{median(of_processors):.2f}x",
                f"{two['bytes'] / 1e6:.2f} MB",
                f"{_median(two, 'on_loopback') / 2e6:.2f} MB",
            ]
        )
    head = ["network", "batch of two", "steps/s of one", "of two", "images/s"]
    head += ["processor time of one", "of each of two", "images/s if nothing waited"]
    head += ["summed in a step", "sent by each"]
    return table(head, lines)


def sums_table(result: Row) -> str:
    """Return the costs of sums without a training."""
    rows, lines = result["rows"], []
    for two in _found(rows, what="sum", workers=2, gbit=None):
        size = two["bytes"]
        four = _one(rows, what="sum", workers=4, bytes=size)
        times = [_median(two, "cpu"), _median(four, "cpu"), _median(two)]
        times += [_median(row) for row in _limited(rows, size)]
        cells = [f"{1000 * seconds:,.2f} ms" for seconds in times]
        lines.append([f"{size:,}", *cells])
    head = ["bytes", "processor time of each of two workers", "of each of four", "time of two"]
    head += [f"at {gbit:g} Gbit/s" for gbit in _limits(rows)]
    return table(head, [line + [""] * (len(head) - len(line)) for line in lines])


def check_table(result: Row) -> str:
    """Return the steps as the model predicts them, and as they were measured."""
    lines = []
    for row in _found(result["rows"], what="step"):
        costs, measured = costs_of(result["rows"], row["hidden"]), _median(row)
        predicted = costs.seconds(row["workers"], row["batch_size"], gbit=row["gbit"])
        link = f"{row['gbit']:g} Gbit/s" if row["gbit"] else "loopback"
        cells = [str(row["workers"]), f"{row['batch_size']:,}", link if row["workers"] > 1 else ""]
        times = [f"{1000 * seconds:,.0f} ms" for seconds in (predicted, measured)]
        lines.append([_name(row), *cells, *times, f"{100 * (predicted / measured - 1):+.0f} %"])
    head = [
        "network",
        "workers",
        "batch",
        "network between them",
        "model",
        "measured",
        "difference",
    ]
    return table(head, lines)


def model_table(result: Row) -> str:
    """Return the speed-ups that the model predicts."""
    lines = []
    for costs, name in _networks(result["rows"]):
        for (title, grows), workers in product(_BATCHES.items(), WORKERS):
            batch_size = 1024 * workers if grows else 1024
            cells = []
            for gbit in LINKS:
                step = costs.seconds(workers, batch_size, gbit=gbit, delay=DELAY)
                times = costs.speedup(workers, batch_size, 1024, gbit=gbit, delay=DELAY)
                cells.append(f"{times:,.1f}x ({1000 * step:,.0f} ms)")
            lines.append([name, title, str(workers), *cells])
    head = ["network", "batch", "workers", *(f"{gbit} Gbit/s" for gbit in LINKS)]
    return table(head, lines)


_BATCHES = {"1,024": False, "1,024 per worker": True}


def costs_table(result: Row) -> str:
    """Return the constants of the model."""
    lines = []
    for costs, name in _networks(result["rows"]):
        sums = costs.sums
        lines.append(
            [
                name,
                f"{1e3 * costs.once:.1f} ms",
                f"{1e6 * costs.per_image:.1f} µs",
                f"{1e3 * costs.update:.1f} ms",
                f"{1e3 * sums.once:.2f} ms",
                f"{1e3 * sums.hop:.2f} ms",
                f"{1e9 * sums.per_byte:.2f} ns",
            ]
        )
    return table(["network", "a", "b", "u", "f", "h", "c"], lines)


def costs_of(rows: list[Row], hidden: list[int]) -> StepCosts:
    """Fit the model to the parts of the steps of a network, and to the sums."""
    gradients = list(_found(rows, what="gradient", hidden=hidden))
    size = gradients[0]["bytes"]
    [smallest, *_], [of_four, *_] = (list(_found(rows, what="sum", workers=n)) for n in (2, 4))
    sums = SumCosts.fitted(
        size,
        _median(_one(rows, what="sum", workers=2, bytes=size, gbit=None)),
        _median(smallest),
        cpu_of_two=_median(smallest, "cpu"),
        cpu_of_four=_median(of_four, "cpu"),
    )
    updates = [_median(row) for row in _found(rows, what="update", hidden=hidden)]
    points = [(row["batch_size"], _median(row)) for row in gradients]
    return StepCosts.fitted(points, median(updates), size, sums)


def _networks(rows: list[Row]) -> Iterator[tuple[StepCosts, str]]:
    for row in _found(rows, what="step", workers=1):
        yield costs_of(rows, row["hidden"]), _name(row)


def _pairs(rows: list[Row]) -> Iterator[tuple[Row, Row]]:
    for one in _found(rows, what="step", workers=1):
        for two in _found(rows, what="step", workers=2, gbit=None, hidden=one["hidden"]):
            yield one, two


def _ratios(one: Row, two: Row, key: str = "seconds") -> list[float]:
    """Return in each round how many times the images per second of one worker two compute."""
    images = two["batch_size"] / one["batch_size"]
    pairs = zip(one["rounds"], two["rounds"], strict=True)
    return [images * mine[key] / other[key] for mine, other in pairs]


def _limits(rows: list[Row]) -> list[float]:
    return sorted({row["gbit"] for row in rows if row["gbit"]})


def _limited(rows: list[Row], size: int) -> list[Row]:
    found = (_found(rows, what="sum", bytes=size, gbit=gbit) for gbit in _limits(rows))
    return [row for rows_of_one in found for row in rows_of_one]


def _found(rows: list[Row], **wanted: Any) -> Iterator[Row]:
    return (row for row in rows if all(row.get(key) == value for key, value in wanted.items()))


def _one(rows: list[Row], **wanted: Any) -> Row:
    [row] = _found(rows, **wanted)
    return row


def _median(row: Row, key: str = "seconds") -> float:
    values: list[float] = [found[key] for found in row["rounds"]]
    return median(values)


def _name(row: Row) -> str:
    return "-".join(map(str, (784, *row["hidden"], 10)))
