"""Write the tables of docs/performance.md and README.md: ``python -m benchmarks.report``.

A table is between ``<!-- NAME -->`` and ``<!-- end -->``; only the text between them is replaced.
"""

import json
import math
import re
import statistics
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from benchmarks.machine import PROJECT, RESULTS
from benchmarks.markdown import table
from benchmarks.record_curve import curve_table
from benchmarks.scaling import tables as scaling
from benchmarks.serving_report import ratios_table as serving_ratios
from benchmarks.serving_report import serving_tables, soak_line
from benchmarks.training import ENVIRONMENT_OF, LARGE, NUM_IMAGES, SMALL
from benchmarks.workers_accuracy import accuracy_table as workers_accuracy

Row = dict[str, Any]
Rows = list[Row]

PAGES = (PROJECT / "docs" / "performance.md", PROJECT / "README.md", PROJECT / "docs" / "record.md")
NAMES = {
    "ours": "this project",
    "keras_tutorial": "Keras `fit`, tutorial",
    "keras_arrays": "Keras `fit`, arrays",
    "pytorch_eager": "PyTorch eager",
    "pytorch_compile": "`torch.compile`",
    "jax_scan": "JAX `lax.scan`",
    "scikit_learn": "scikit-learn",
}
WIDTHS = {SMALL: (784, 128, 10), LARGE: (784, 1024, 1024, 10)}


def main() -> None:
    """Write the tables of all available results."""
    tables = {name: make(load(result)) for name, (result, make) in TABLES.items() if known(result)}
    for page in PAGES:
        text = page.read_text()
        for name, content in tables.items():
            text = replace(text, name, content)
        page.write_text(text)


def replace(text: str, name: str, content: str) -> str:
    """Return the text of a page with the content of one table replaced."""
    pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
    return re.sub(pattern, lambda m: f"{m[1]}\n{content}\n\n{m[2]}", text, flags=re.DOTALL)


def known(result: str) -> bool:
    """Whether a benchmark has a saved result."""
    return (RESULTS / f"{result}.json").exists()


def load(result: str) -> Row:
    """Read the saved result of a benchmark."""
    found: Row = json.loads((RESULTS / f"{result}.json").read_text())
    return found


def machine(result: Row) -> str:
    """Describe the machine in one line."""
    m = result["machine"]
    return (
        f"{m['processors']} processors of {m['processor']} ({', '.join(m['instructions'])}), "
        f"{m['memory_gib']} GiB, {m['system']}."
    )


def seconds_table(result: Row, hidden: tuple[int, ...]) -> str:
    """Return the seconds per epoch of every peer, and their ratios to ours."""
    lines = []
    for batch_size, rows in by_batch_size(result["rows"], hidden).items():
        cells = [cell(rows.get(peer), rows["ours"]) for peer in ENVIRONMENT_OF]
        lines.append([label(batch_size), *cells])
    return table(["batch size", *(NAMES[peer] for peer in ENVIRONMENT_OF)], lines)


def cell(row: Row | None, ours: Row) -> str:
    """Return the seconds and the ratio of one peer."""
    if row is None or "error" in row:
        return "failed"
    if row is ours:
        return f"**{row['seconds']:.3g} s**"
    return f"{row['seconds']:.3g} s ({row['seconds'] / ours['seconds']:.1f}x)"


def ratios_table(result: Row) -> str:
    """Return how many times faster our epochs are, as a short table."""
    peers = ("keras_tutorial", "keras_arrays", "pytorch_eager", "jax_scan", "scikit_learn")
    lines = []
    for batch_size, rows in by_batch_size(result["rows"], SMALL).items():
        ours = rows["ours"]["seconds"]
        ratios = [f"{rows[peer]['seconds'] / ours:.1f}x" for peer in peers]
        lines.append([label(batch_size), f"{ours:.2g} s", *ratios])
    return table(["batch size", "epoch", *(f"vs. {NAMES[peer]}" for peer in peers)], lines)


def products_table(result: Row) -> str:
    """Return the share of the arithmetic limit that our epochs reach."""
    limit = max(statistics.median(result["products"][f"float32 {way}"]) for way in ("graph", "XLA"))
    lines = []
    for hidden, widths in WIDTHS.items():
        weights = sum(a * b for a, b in pairwise(widths))
        all_products = 6 * weights * NUM_IMAGES / 1e9
        needed = all_products - 2 * widths[0] * widths[1] * NUM_IMAGES / 1e9
        for batch_size, rows in by_batch_size(result["rows"], hidden).items():
            seconds = rows["ours"]["seconds"]
            shares = [f"{100 * work / seconds / limit:.0f} %" for work in (all_products, needed)]
            lines.append(["-".join(map(str, widths)), label(batch_size), *shares])
    head = ["network", "batch size", "6 operations per weight", "required operations only"]
    return f"Limit: {limit:.0f} GFLOP/s.\n\n" + table(head, lines)


def overhead_table(result: Row) -> str:
    """Return the time of the first epoch minus the median."""
    rows = by_batch_size(result["rows"], SMALL)[128]
    found = {peer: rows[peer].get("first_epoch_overhead") for peer in ENVIRONMENT_OF}
    cells = [f"{value:.1f} s" if value is not None else "failed" for value in found.values()]
    return table([NAMES[peer] for peer in found], [cells])


def first_epoch_line(result: Row) -> str:
    """Return the first-epoch overhead of the default model in a first and second training."""
    first, second = (
        statistics.median(row[which] for row in result["rows"]) for which in ("first", "second")
    )
    return (
        f"The default model (`configs/mlp.yaml`): {first:.2f} s; a second training in the same "
        f"process: {second:.2f} s (medians of {len(result['rows'])} processes)."
    )


def losses_table(result: Row) -> str:
    """Return the mean training loss over the epochs of the first round."""
    lines = []
    for hidden, widths in WIDTHS.items():
        for batch_size, rows in by_batch_size(result["rows"], hidden).items():
            losses = [
                statistics.mean(rows[peer].get("losses", [math.nan])) for peer in ENVIRONMENT_OF
            ]
            name = "-".join(map(str, widths))
            lines.append([name, label(batch_size), *(f"{loss:.4f}" for loss in losses)])
    return table(["network", "batch size", *(NAMES[peer] for peer in ENVIRONMENT_OF)], lines)


def versions(result: Row) -> str:
    """Return the machine and the versions that were measured."""
    found = {row["version"] for row in result["rows"] if "version" in row}
    return f"{machine(result)} {'; '.join(sorted(found))}."


def accuracy_table(result: Row) -> str:
    """Return seconds and epochs to the target accuracy, medians of all rounds."""
    lines = []
    for peer, runs in result["rows"].items():
        seconds = statistics.median(run["seconds"] for run in runs)
        epochs = statistics.median(run["epochs"] for run in runs)
        lines.append([NAMES.get(peer, "Keras `fit`, arrays"), f"{seconds:.1f} s", f"{epochs:.0f}"])
    return table(["", "from process start", "epochs"], lines)


def streaming_table(result: Row) -> str:
    """Return throughput and memory of both feeds."""
    lines = []
    for memory_mb in (None, result["memory_mb"]):
        rows = [row for row in result["rows"] if row["memory_mb"] == memory_mb]
        seconds = statistics.median(value for row in rows for value in row["seconds"])
        name = "in memory" if memory_mb is None else f"`train.memory_mb: {memory_mb}`"
        grown = max(row["peak_bytes"] - row["framework_bytes"] for row in rows) / 1e6
        framework = max(row["framework_bytes"] for row in rows) / 1e6
        losses = " / ".join(f"{loss:.4f}" for loss in rows[0]["losses"])
        speed = f"{result['images'] / seconds:,.0f}"
        cells = [name, f"{seconds:.1f} s", speed, f"{framework:,.0f} + {grown:,.0f} MB", losses]
        lines.append(cells)
    head = ["", "epoch", "images/s", "peak memory: framework + data", "loss per epoch"]
    return table(head, lines)


def precision_table(result: Row) -> str:
    """Return seconds per epoch and test accuracy of each precision and compiler."""
    found: dict[tuple[Any, ...], Rows] = {}
    for row in result["rows"]:
        key = (tuple(row["hidden"]), row["batch_size"], row["precision"], row["compiler"])
        found.setdefault(key, []).append(row)
    lines = []
    for (hidden, batch_size, precision, compiler), rows in found.items():
        seconds = statistics.median(value for row in rows for value in row["seconds"][1:])
        name = "-".join(map(str, WIDTHS[hidden]))
        accuracy = f"{100 * rows[0]['accuracy']:.2f} %"
        lines.append([name, label(batch_size), precision, compiler, f"{seconds:.2f} s", accuracy])
    head = ["network", "batch size", "precision", "compiler", "epoch", "test accuracy"]
    return table(head, lines)


def batches_table(result: Row) -> str:
    """Return the times of each number of processes, and how many times faster two are than one."""
    lines, medians = [], []
    for workers in (1, 2):
        rows = [row for row in result["rows"] if row["workers"] == workers]
        seconds = statistics.median(row["seconds"] + row["join_seconds"] for row in rows)
        processor = statistics.median(sum(row["cpu_seconds"]) for row in rows)
        peak = max(row["peak_bytes"] for row in rows) / 1e6
        speed = f"{result['images'] / seconds:,.0f}"
        lines.append(
            [str(workers), f"{seconds:.1f} s", speed, f"{processor:.1f} s", f"{peak:.0f} MB"]
        )
        medians.append(seconds)
    head = ["processes", "time", "images/s", "processor time", "peak memory of one"]
    ratio = f"Two processes are {medians[0] / medians[1]:.2f} times as fast as one."
    return f"{table(head, lines)}\n\n{ratio} {machine(result)}"


def checkpoints_line(result: Row) -> str:
    """Return the cost of the checkpoints of a training."""
    return (
        f"A training of {result['seconds']:.0f} s wrote {len(result['checkpoints'])} checkpoints "
        f"in {sum(result['checkpoints']):.2f} s, {100 * result['share']:.2f} % of the time."
    )


def by_batch_size(rows: Rows, hidden: tuple[int, ...]) -> dict[int, dict[str, Row]]:
    """Return the rows of a network by batch size and peer."""
    found: dict[int, dict[str, Row]] = {}
    for row in rows:
        if tuple(row["hidden"]) == hidden:
            found.setdefault(row["batch_size"], {})[row["peer"]] = row
    return dict(sorted(found.items()))


def label(batch_size: int) -> str:
    """Return a batch size as written in the configuration."""
    return "full" if batch_size == NUM_IMAGES else f"{batch_size:,}"


def record_table(result: Row) -> str:
    """Return the errors of each seed, their means, and those of the committee."""
    rows, together = result["rows"], result["committee"]
    lines = [[str(row[key]) for key in ("seed", *_RECORD_ERRORS)] for row in rows]
    means = [statistics.fmean(row[key] for row in rows) for key in _RECORD_ERRORS]
    lines.append(["mean", *(f"{mean:.1f} ({100 - mean / 100:.2f} %)" for mean in means)])
    errors = [str(together[key]) for key in ("networks", "shifted")]
    lines.append([f"committee of {len(rows)}", *errors])
    head = ["seed", "test errors", "averaged over shifts"]
    return f"{table(head, lines)}\n\n{machine(result)}"


_RECORD_ERRORS = ("errors", "errors_shifted")
TABLES: dict[str, tuple[str, Callable[[Row], str]]] = {
    "versions": ("training", versions),
    "small": ("training", lambda result: seconds_table(result, SMALL)),
    "large": ("training", lambda result: seconds_table(result, LARGE)),
    "ratios": ("training", ratios_table),
    "products": ("training", products_table),
    "overhead": ("training", overhead_table),
    "first": ("first_epoch", first_epoch_line),
    "losses": ("training", losses_table),
    "accuracy": ("accuracy", accuracy_table),
    "streaming": ("streaming", streaming_table),
    "precision": ("precision", precision_table),
    "checkpoints": ("checkpoints", checkpoints_line),
    "batches": ("batch_prediction", batches_table),
    "serving": ("serving", serving_tables),
    "serving-ratios": ("serving", serving_ratios),
    "soak": ("serving_soak", soak_line),
    "record": ("record", record_table),
    "record-curve": ("record_curve", curve_table),
    "scaling": ("scaling", scaling.scaling_table),
    "scaling-sums": ("scaling", scaling.sums_table),
    "scaling-costs": ("scaling", scaling.costs_table),
    "scaling-check": ("scaling", scaling.check_table),
    "scaling-model": ("scaling", scaling.model_table),
    "workers-accuracy": ("workers_accuracy", workers_accuracy),
}

if __name__ == "__main__":
    main()
