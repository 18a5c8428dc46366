"""Results -> the tables of docs/performance.md and of the README: ``python -m benchmarks.report``.

A table stands between ``<!-- NAME -->`` and ``<!-- end -->``; only what is between is replaced.
"""

import json
import math
import re
import statistics
from itertools import pairwise
from typing import Any

from benchmarks.machine import PROJECT, RESULTS
from benchmarks.markdown import table
from benchmarks.serving_report import ratios_table as serving_ratios
from benchmarks.serving_report import serving_tables, soak_line
from benchmarks.training import ENVIRONMENT_OF, LARGE, NUM_IMAGES, SMALL

Row = dict[str, Any]
Rows = list[Row]

PAGES = (PROJECT / "docs" / "performance.md", PROJECT / "README.md")
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
    """Write every table whose result is there."""
    tables = {name: make(load(result)) for name, (result, make) in TABLES.items() if known(result)}
    for page in PAGES:
        text = page.read_text()
        for name, text_of in tables.items():
            pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
            text = re.sub(
                pattern, lambda m, t=text_of: f"{m[1]}\n{t}\n\n{m[2]}", text, flags=re.DOTALL
            )
        page.write_text(text)


def known(result: str) -> bool:
    """Whether a benchmark has been run."""
    return (RESULTS / f"{result}.json").exists()


def load(result: str) -> Row:
    """Read what a benchmark has kept."""
    found: Row = json.loads((RESULTS / f"{result}.json").read_text())
    return found


def machine(result: Row) -> str:
    """Return the machine in a line."""
    m = result["machine"]
    return (
        f"{m['processors']} processors of {m['processor']} ({', '.join(m['instructions'])}), "
        f"{m['memory_gib']} GiB, {m['system']}."
    )


def seconds_table(result: Row, hidden: tuple[int, ...]) -> str:
    """Seconds per epoch of every peer, and how many times ours that is."""
    lines = []
    for batch_size, rows in by_batch_size(result["rows"], hidden).items():
        cells = [cell(rows.get(peer), rows["ours"]) for peer in ENVIRONMENT_OF]
        lines.append([label(batch_size), *cells])
    return table(["batch", *(NAMES[peer] for peer in ENVIRONMENT_OF)], lines)


def cell(row: Row | None, ours: Row) -> str:
    """Return seconds and ratio of one peer."""
    if row is None or "error" in row:
        return "failed"
    if row is ours:
        return f"**{row['seconds']:.3g} s**"
    return f"{row['seconds']:.3g} s ({row['seconds'] / ours['seconds']:.1f}x)"


def ratios_table(result: Row) -> str:
    """How many times faster than others, in short."""
    peers = ("keras_tutorial", "keras_arrays", "pytorch_eager", "jax_scan", "scikit_learn")
    lines = []
    for batch_size, rows in by_batch_size(result["rows"], SMALL).items():
        ours = rows["ours"]["seconds"]
        ratios = [f"{rows[peer]['seconds'] / ours:.1f}x" for peer in peers]
        lines.append([label(batch_size), f"{ours:.2g} s", *ratios])
    return table(["batch", "an epoch", *(f"than {NAMES[peer]}" for peer in peers)], lines)


def products_table(result: Row) -> str:
    """What share of the arithmetic limit our epochs reach."""
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
    head = ["network", "batch", "of 6 operations a weight", "of those that are needed"]
    return f"The limit: {limit:.0f} GFLOP/s.\n\n" + table(head, lines)


def overhead_table(result: Row) -> str:
    """First epoch less the median one."""
    rows = by_batch_size(result["rows"], SMALL)[128]
    found = {peer: rows[peer].get("first_epoch_overhead") for peer in ENVIRONMENT_OF}
    cells = [f"{value:.1f} s" if value is not None else "failed" for value in found.values()]
    return table([NAMES[peer] for peer in found], [cells])


def first_epoch_line(result: Row) -> str:
    """The same for the default model, and for a second training of the process."""
    first, second = (
        statistics.median(row[which] for row in result["rows"]) for which in ("first", "second")
    )
    return (
        f"The default model (`configs/mlp.yaml`): {first:.2f} s; a second training of it in the "
        f"same process {second:.2f} s (medians of {len(result['rows'])} processes)."
    )


def losses_table(result: Row) -> str:
    """Mean training loss over the epochs of the first round."""
    lines = []
    for hidden, widths in WIDTHS.items():
        for batch_size, rows in by_batch_size(result["rows"], hidden).items():
            losses = [
                statistics.mean(rows[peer].get("losses", [math.nan])) for peer in ENVIRONMENT_OF
            ]
            name = "-".join(map(str, widths))
            lines.append([name, label(batch_size), *(f"{loss:.4f}" for loss in losses)])
    return table(["network", "batch", *(NAMES[peer] for peer in ENVIRONMENT_OF)], lines)


def versions(result: Row) -> str:
    """Return which versions were measured."""
    found = {row["version"] for row in result["rows"] if "version" in row}
    return f"{machine(result)} {'; '.join(sorted(found))}."


def accuracy_table(result: Row) -> str:
    """Seconds and epochs to the accuracy, medians of all rounds."""
    lines = []
    for peer, runs in result["rows"].items():
        seconds = statistics.median(run["seconds"] for run in runs)
        epochs = statistics.median(run["epochs"] for run in runs)
        lines.append([NAMES.get(peer, "Keras `fit`, arrays"), f"{seconds:.1f} s", f"{epochs:.0f}"])
    return table(["", "from process start", "epochs"], lines)


def streaming_table(result: Row) -> str:
    """Throughput and memory of both ways."""
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
    head = ["", "an epoch", "images a second", "peak memory: framework + set", "loss of epochs"]
    return table(head, lines)


def precision_table(result: Row) -> str:
    """Seconds per epoch, and test accuracy, of each precision and compiler."""
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
    return table(["network", "batch", "precision", "compiler", "an epoch", "test accuracy"], lines)


def checkpoints_line(result: Row) -> str:
    """What the checkpoints of a training cost."""
    return (
        f"A training of {result['seconds']:.0f} s wrote {len(result['checkpoints'])} checkpoints "
        f"in {sum(result['checkpoints']):.2f} s: {100 * result['share']:.2f} % of the time."
    )


def by_batch_size(rows: Rows, hidden: tuple[int, ...]) -> dict[int, dict[str, Row]]:
    """Return the rows of a network by batch size and peer."""
    found: dict[int, dict[str, Row]] = {}
    for row in rows:
        if tuple(row["hidden"]) == hidden:
            found.setdefault(row["batch_size"], {})[row["peer"]] = row
    return dict(sorted(found.items()))


def label(batch_size: int) -> str:
    """Return how the configuration writes a batch size."""
    return "full" if batch_size == NUM_IMAGES else f"{batch_size:,}"


TABLES = {
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
    "serving": ("serving", serving_tables),
    "serving-ratios": ("serving", serving_ratios),
    "soak": ("serving_soak", soak_line),
}

if __name__ == "__main__":
    main()
