"""Results -> what people read: rich tables on a terminal, plain text elsewhere."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.data.sources import SAMPLE

if TYPE_CHECKING:
    from pipeline.api import RunResult
    from pipeline.diagnosis import Finding
    from pipeline.handover import LayerSummary
    from pipeline.prediction import Prediction
    from pipeline.publishing.published import PublishedModel
    from pipeline.reasons import Reason
    from pipeline.runtimes.measuring import Time
    from pipeline.verification.check import Check

_TEN = 10  # microseconds; below, a decimal place is shown
_WIDTH_OF_PIPES = 100  # where the output is no terminal, lines are not broken at 80


def print_run(result: "RunResult") -> None:
    """Print the summary of a run."""
    console = _console()
    if result.layers:
        print_layers(result.layers)
    if result.metrics:
        table = _table("", "accuracy", "loss", "images")
        for name, values in result.metrics.items():
            count = getattr(result.data, name)
            table.add_row(name, f"{values.accuracy:.4f}", f"{values.loss:.4f}", f"{count:,}")
        console.print(table)
    if result.verification:
        print_checks(result.verification)
    if result.data.source == SAMPLE:
        console.print("[yellow]Trained on a SAMPLE of 5,000 digits, not on the full data set.[/]")
    if result.published:
        path = result.published.path
        _print_line(f"Published [bold]{escape(str(path))}[/] (version {result.published.version})")


def print_layers(layers: "Sequence[LayerSummary]") -> None:
    """Print a row for each layer with its shape and number of parameters."""
    table = _table("layer", "kind", "shape", "parameters")
    for layer in layers:
        shape = " x ".join(map(str, layer.shape))
        table.add_row(layer.name, layer.kind, shape, f"{layer.parameters:,}")
    table.add_row("total", "", "", f"{sum(layer.parameters for layer in layers):,}")
    _console().print(table)


def print_checks(checks: "Sequence[Check]") -> None:
    """Print a row for each artifact in each runtime: the proof, then what it costs."""
    proof = _table("file", "runtime", "result", "max diff", "labels", "accuracy")
    for check in checks:
        result = "[green]pass[/]" if check.passed else "[red]FAIL[/]"
        proof.add_row(
            check.artifact,
            f"{check.runtime} ({check.asked})" if check.asked else check.runtime,
            result if check.ran else "[yellow]not run[/]",
            _or_dash(check.max_abs_diff, "{:.1e}"),
            _or_dash(check.label_agreement, "{:.2%}"),
            _or_dash(check.accuracy, "{:.4f}"),
        )
    _console().print(proof)
    _print_costs([check for check in checks if check.cost])
    for check in checks:
        if check.note:
            _print_line(f"{check.artifact} in {check.runtime}: {escape(check.note)}")
    for advice in dict.fromkeys(check.advice for check in checks if check.advice):
        names = dict.fromkeys(check.runtime for check in checks if check.advice == advice)
        _print_line(f"[yellow]not run[/] in {', '.join(names)}. To add: {escape(advice)}")


def _print_costs(checks: "Sequence[Check]") -> None:
    """Print size, time and memory; times of an image are the median and the 99th percentile."""
    if not checks:
        return
    columns = ["file", "runtime", "size", "load", "1 image", "1 of 256", "memory"]
    copies = any(check.times_of_original for check in checks)
    table = _table(*columns, *["to float32"] * copies)
    table.collapse_padding = True
    for check in checks:
        assert check.cost is not None, "those without a cost were sorted out"
        one, many = check.cost.time_per_image.values()
        table.add_row(
            check.artifact,
            check.runtime,
            _megabytes(check.bytes, 2),
            f"{1e3 * check.cost.load_seconds:.0f} ms",
            _microseconds(one),
            _microseconds(many),
            _megabytes(check.cost.peak_memory_bytes, 0),
            *[_ratios(check)] * copies,
        )
    _console().print(table)
    legend = "1 image, 1 of 256: microseconds an image, median / 99th percentile, on this machine."
    _print_line(f"[dim]{legend}[/]")
    if copies:
        legend = "To float32: those medians, as multiples of the file that a copy was made from."
        _print_line(f"[dim]{legend}[/]")


def _ratios(check: "Check") -> str:
    """Return how a copy compares with its original; slower is marked."""
    return " ".join(
        f"[yellow]{ratio:.1f}x[/]" if ratio > 1 else f"{ratio:.1f}x"
        for ratio in (check.times_of_original or {}).values()
    )


def _megabytes(size: int | None, digits: int) -> str:
    return "-" if size is None else f"{size / 1e6:.{digits}f} MB"


def _microseconds(time: "Time") -> str:
    median, p99 = 1e6 * time.median_seconds, 1e6 * time.p99_seconds
    return f"{median:.{0 if median >= _TEN else 1}f} / {p99:.{0 if p99 >= _TEN else 1}f}"


def print_models(models: "Sequence[PublishedModel]", broken: Sequence[Exception]) -> None:
    """Print a row for each published version, and what is wrong with broken ones."""
    table = _table("model", "version", "labels", "test accuracy", "data", "formats")
    for model in models:
        data = model.manifest["data"]
        table.add_row(
            escape(model.name),
            str(model.version),
            escape(", ".join(model.labels)),
            f"{model.manifest['metrics']['test']['accuracy']:.4f}",
            escape(str(data["name"])) + (" (SAMPLE)" if data["sampled"] else ""),
            ", ".join(model.formats),
        )
    if models:
        _console().print(table)
    elif not broken:
        _print_line("Nothing is published yet. Publish a model: pipeline run")
    for error in broken:
        _print_line(f"[red]broken[/] {escape(str(error))}")


def print_predictions(predictions: "Sequence[Prediction]") -> None:
    """Print file, label and probability, one image a line."""
    counts = Counter(answer.file for answer in predictions)
    for answer in predictions:
        name = f"{answer.file}[{answer.index}]" if counts[answer.file] > 1 else answer.file
        print(f"{name}\t{answer.label}\t{answer.probability:.4f}")


def print_reasons(reasons: "Sequence[Reason]") -> None:
    """Print each stage with what would make it run."""
    console = _console()
    for reason in reasons:
        state = "up to date" if reason.up_to_date else "would run"
        console.print(f"[bold]{reason.stage}[/] {state}")
        for change in reason.changes:
            _print_line(f"  - {escape(change)}")
        if reason.changes and reason.compared_with:
            _print_line(f"  [dim](compared with {escape(str(reason.compared_with))})[/]")


def print_findings(findings: "Sequence[Finding]") -> None:
    """Print what was looked at, and what to do where it is not fine."""
    table = _table("", "", "found", "what to do")
    for finding in findings:
        mark = "[green]ok[/]" if finding.fine else "[red]no[/]"
        table.add_row(mark, *map(escape, (finding.subject, finding.found, finding.advice)))
    _console().print(table)


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDTH_OF_PIPES)


def _print_line(text: str) -> None:
    """Print a line that may hold a path: it is never broken in two."""
    _console().print(text, soft_wrap=True)


def _table(*columns: str) -> Table:
    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    for column in table.columns[1:]:
        column.overflow = "fold"
    return table


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
