"""Saved measurements: rows by what was measured, and the model fitted to them."""

from collections.abc import Iterator
from statistics import median
from typing import Any

from benchmarks.scaling.estimates import StepCosts, SumCosts

Row = dict[str, Any]


def select(rows: list[Row], **wanted: Any) -> list[Row]:
    """Return the rows that have these values."""
    return [row for row in rows if all(row.get(key) == value for key, value in wanted.items())]


def median_of(row: Row, key: str = "seconds") -> float:
    """Return the median over the rounds."""
    values: list[float] = [measured[key] for measured in row["rounds"]]
    return median(values)


def ratios(one: Row, two: Row, key: str = "seconds") -> list[float]:
    """Return in each round how many times the images per second of one worker two compute."""
    images = two["batch_size"] / one["batch_size"]
    rounds = zip(one["rounds"], two["rounds"], strict=True)
    return [images * mine[key] / other[key] for mine, other in rounds]


def pairs(rows: list[Row]) -> Iterator[tuple[Row, Row]]:
    """Yield the steps of one worker with those of two, for each network and batch of two."""
    for one in select(rows, what="step", workers=1):
        for two in select(rows, what="step", workers=2, gbit=None, hidden=one["hidden"]):
            yield one, two


def limits(rows: list[Row]) -> list[float]:
    """Return the bandwidths to which loopback was limited, in Gbit/s."""
    return sorted({row["gbit"] for row in rows if row["gbit"]})


def name_of(row: Row) -> str:
    """Return the widths of the layers of a network."""
    return "-".join(map(str, (784, *row["hidden"], 10)))


def fitted(rows: list[Row]) -> Iterator[tuple[StepCosts, str]]:
    """Yield the model and the name of each network."""
    for row in select(rows, what="step", workers=1):
        yield costs_of(rows, row["hidden"]), name_of(row)


def costs_of(rows: list[Row], hidden: list[int]) -> StepCosts:
    """Fit the model to the parts of the steps of a network, and to the sums."""
    gradients = select(rows, what="gradient", hidden=hidden)
    size = gradients[0]["bytes"]
    smallest, of_four = (select(rows, what="sum", workers=workers)[0] for workers in (2, 4))
    [own] = select(rows, what="sum", workers=2, bytes=size, gbit=None)
    sums = SumCosts.fitted(
        size,
        median_of(own),
        median_of(smallest),
        cpu_of_two=median_of(smallest, "cpu"),
        cpu_of_four=median_of(of_four, "cpu"),
    )
    updates = [median_of(row) for row in select(rows, what="update", hidden=hidden)]
    points = [(row["batch_size"], median_of(row)) for row in gradients]
    return StepCosts.fitted(points, median(updates), size, sums)
