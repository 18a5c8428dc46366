"""Print results for people: rich tables on a terminal, plain text elsewhere."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from pipeline.terminal.check_tables import print_checks
from pipeline.terminal.layout import console, headline, new_table, print_line, print_table

if TYPE_CHECKING:
    from pipeline.artifacts.stage_facts import LayerSummary
    from pipeline.commands.doctor import Finding
    from pipeline.commands.predict import Prediction, ReadDigit
    from pipeline.commands.why import Reason
    from pipeline.publishing.published_folder import PublishedModel
    from pipeline.results.run_result import RunResult
    from pipeline.serving.settings import Settings


def print_run_tables(result: "RunResult") -> None:
    """Print the layers, the metrics of each split, and each check with its cost."""
    if result.layers:
        print_layers(result.layers)
    if result.metrics:
        _print_metrics(result)
    if result.verification:
        print_checks(result.verification)


def _print_metrics(result: "RunResult") -> None:
    """Print the first score of each split beside that of the best constant prediction."""
    score = next(iter(result.metrics["test"].scores))
    constant = "mean" if score == "rmse" else "majority class"
    table = new_table("", score, f"{score} of the {constant}", "loss", "images")
    for name, values in result.metrics.items():
        scores = values.scores[score], values.baseline[score], values.loss
        count = f"{getattr(result.data, name):,}"
        table.add_row(name, *(f"{number:.4f}" for number in scores), count)
    print_table(table)


def print_serving(settings: "Settings") -> None:
    """Print where the server listens."""
    print_line(f"Serving [bold]{settings.url}[/]  (open in a browser to draw; Ctrl-C to stop)")
    if settings.grpc_address:
        print_line(f"gRPC    {settings.grpc_address}")


def print_layers(layers: "Sequence[LayerSummary]", *, stderr: bool = False) -> None:
    """Print a row for each layer with its shape and number of parameters."""
    table = new_table("layer", "kind", "shape", "parameters")
    for layer in layers:
        shape = " x ".join(map(str, layer.shape))
        table.add_row(layer.name, layer.kind, shape, f"{layer.parameters:,}")
    table.add_row("total", "", "", f"{sum(layer.parameters for layer in layers):,}")
    print_table(table, stderr=stderr)


def print_models(models: "Sequence[PublishedModel]", broken: Sequence[Exception]) -> None:
    """Print a row for each published version, and an error for each broken one."""
    table = new_table("model", "version", "labels", "test score", "data", "formats")
    for model in models:
        data = model.manifest.data
        table.add_row(
            escape(model.name),
            str(model.version),
            escape(", ".join(map(_with_pin(model), model.labels))),
            headline(model.manifest.metrics["test"]),
            escape(data.name) + (" (SAMPLE)" if data.sampled else ""),
            ", ".join(model.formats),
        )
    if models:
        print_table(table)
    elif not broken:
        print_line("No models are published yet. To publish one: pipeline run")
    for error in broken:
        print_line(f"[red]broken[/] {escape(str(error))}")


def _with_pin(model: "PublishedModel") -> Callable[[str], str]:
    return lambda label: f"{label} (pinned)" if label in model.pinned else label


def print_predictions(predictions: "Sequence[Prediction]", *, many: bool = False) -> None:
    """Print file, label and probability, or file and value, one image per line.

    What is in doubt is added in words. With ``many``, the digits of a picture are a number, and the
    probability is that of the least likely; of a regression, the values are listed.
    """
    counts = Counter(prediction.file for prediction in predictions)
    for prediction in predictions:
        name = prediction.file
        if counts[name] > 1:
            name = f"{name}[{prediction.index}]"
        print("\t".join([name, *_prediction_in_words(prediction, many=many)]))


def _prediction_in_words(prediction: "Prediction", *, many: bool) -> list[str]:
    digits = prediction.digits or ()
    doubt = [_with_boxes(prediction.reason, digits)] if prediction.reason else []
    if many and len(digits) > 1 and all(digit.label is not None for digit in digits):
        label = "".join(digit.label or "" for digit in digits)
        least = min(digit.probability or 0 for digit in digits)
        return [label, f"{least:.4f}", *(["unsure"] if any(d.unsure for d in digits) else [])]
    if prediction.label is not None:
        return [prediction.label, f"{prediction.probability:.4f}", *doubt]
    if prediction.value is not None:
        return [f"{prediction.value:.4f}", *doubt]
    if many and len(digits) > 1 and prediction.is_value:
        return [" ".join(f"{digit.value:.4f}" for digit in digits)]
    if digits:
        purpose = "for the value of each" if prediction.is_value else "to read them as a number"
        return [f"{len(digits)} digits: {doubt[0]}; {purpose}: --many"]
    return doubt


def _with_boxes(reason: str, digits: "Sequence[ReadDigit]") -> str:
    """Add the boxes of what was found in place of a single, whole digit."""
    from pipeline.imaging.digits import CUT_OFF

    if len(digits) < 2 and reason != CUT_OFF:  # noqa: PLR2004
        return reason
    *others, last = (str(digit.box) for digit in digits)
    return f"{reason}, at {', '.join(others)} and {last}" if others else f"{reason}, at {last}"


def print_reasons(reasons: "Sequence[Reason]") -> None:
    """Print each stage with the reasons that it would run."""
    output = console()
    for reason in reasons:
        state = "up to date" if reason.up_to_date else "would run"
        output.print(f"[bold]{reason.stage}[/] {state}")
        for change in reason.changes:
            print_line(f"  - {escape(change)}")
        if reason.changes and reason.compared_with:
            print_line(f"  [dim](compared with {escape(str(reason.compared_with))})[/]")


def print_findings(findings: "Sequence[Finding]") -> None:
    """Print what was checked, and what to do about problems."""
    table = new_table("", "", "found", "what to do")
    for finding in findings:
        mark = "[green]ok[/]" if finding.fine else "[red]no[/]"
        table.add_row(mark, *map(escape, (finding.subject, finding.found, finding.advice)))
    print_table(table)
