"""The model card, in Markdown."""

from collections.abc import Sequence
from typing import Any

from pipeline.artifacts.checks import Check
from pipeline.artifacts.cost import SLOWER
from pipeline.artifacts.metrics import ClassMetrics, Metrics
from pipeline.artifacts.reduced_precision import Copy
from pipeline.config.target import target_text
from pipeline.config.yaml_text import dump_yaml
from pipeline.publishing.manifest import Description, PublishedData


def model_card(description: Description, version: int) -> str:
    """Return the card of a version as Markdown."""
    metrics, data = description.metrics, description.data
    test = metrics["test"]
    return "\n".join(
        [
            f"# {description.name}, version {version}",
            "",
            f"A dense network with {description.parameters:,} parameters that "
            f"{_purpose(description)}. Test {_headline(test)} on {data.test:,} images"
            f"{_baseline(test)}.",
            "",
            f"`{description.contract}`",
            "",
            "The input is raw pixels, integers from 0 to 255: scaling is part of the model.",
            "",
            "## Data",
            "",
            f"Source: {data.source}; {data.origin.rstrip('.')}.",
            *_sample_warning(data),
            f"Images: {data.train:,} for training, {data.validation:,} for validation, "
            f"{data.test:,} for testing.",
            "",
            "## Metrics",
            "",
            f"| split | loss | {' | '.join(map(_title, test.scores))} |",
            "|---|---:|" + "---:|" * len(test.scores),
            *(_split_row(name, values) for name, values in metrics.items()),
            "",
            *_class_table(test),
            "## Verification",
            "",
            "Every file was opened in a fresh process and evaluated on the whole test set. Times "
            "per image are for a single image and for batches of 256, on the publishing machine.",
            "",
            "| file | runtime | largest difference | allowed | same labels | "
            f"{_title(test.headline[0])} | time per image |",
            "|---|---|---:|---:|---:|---:|---:|",
            *map(_verification_row, description.verification),
            "",
            *_copies(description.copies, description.verification),
            "## Training",
            "",
            "```yaml",
            _short_config(description.config),
            "```",
            "",
        ]
    )


def _sample_warning(data: PublishedData) -> list[str]:
    if not data.sampled:
        return []
    return [
        "",
        "**Trained on a sample of 5,000 digits, not on the full data set**, which was not "
        "available.",
        "",
    ]


def _headline(metrics: Metrics) -> str:
    name, value = metrics.headline
    shown = f"{100 * value:.2f} %" if name == "accuracy" else f"{value:.4f}"
    return f"{_title(name)} **{shown}**"


def _title(score: str) -> str:
    return score.upper() if score in {"rmse", "mae"} else score.replace("_", " ")


def _purpose(description: Description) -> str:
    images = f"{description.data.name} images"
    if not description.class_names:
        return f"predicts the {target_text(description.target).replace('_', ' ')} of {images}"
    return f"classifies {images} into {len(description.class_names)} classes"


def _baseline(metrics: Metrics) -> str:
    name, _ = metrics.headline
    if name not in metrics.baseline:
        return ""
    value = metrics.baseline[name]
    constant = "the majority class" if metrics.classes else "the mean"
    shown = f"{100 * value:.2f} %" if name == "accuracy" else f"{value:.4f}"
    return f" (always predicting {constant}: {shown})"


def _class_table(metrics: Metrics) -> list[str]:
    if not metrics.classes:
        return []
    return [
        "| class (test) | precision | recall | F1 | images |",
        "|---|---:|---:|---:|---:|",
        *map(_class_row, metrics.classes),
        "",
    ]


def _split_row(name: str, metrics: Metrics) -> str:
    numbers = (metrics.loss, *metrics.scores.values())
    return f"| {name} | " + " | ".join(f"{number:.4f}" for number in numbers) + " |"


def _class_row(row: ClassMetrics) -> str:
    numbers = " | ".join(f"{number:.4f}" for number in (row.precision, row.recall, row.f1))
    return f"| {row.name} | {numbers} | {row.images:,} |"


def _verification_row(check: Check) -> str:
    asked = f" ({check.asked})" if check.asked else ""
    name = f"| {check.artifact} | {check.runtime}{asked} "
    if check.cost is None or check.max_abs_diff is None or check.score is None:
        return f"{name}| not run | | | | |"
    times = check.cost.time_per_image.values()
    shown = ", ".join(f"{1e6 * time.median_seconds:.3g}" for time in times)
    agreement = "" if check.label_agreement is None else f"{100 * check.label_agreement:.2f} %"
    allowed = "" if check.allowed_diff is None else f"{check.allowed_diff:.1e}"
    return (
        f"{name}| {check.max_abs_diff:.1e} | {allowed} | {agreement} | {check.score:.4f} "
        f"| {shown} us |"
    )


def _copies(copies: Sequence[Copy], checks: Sequence[Check]) -> list[str]:
    """Describe the costs and benefits of each copy in lower precision, or why it is left out."""
    if not copies:
        return []
    lines = [_copy(copy, [c for c in checks if c.artifact == copy.artifact]) for copy in copies]
    return ["## Copies in lower precision", "", *lines, ""]


def _copy(copy: Copy, checks: Sequence[Check]) -> str:
    if copy.reason:
        return f"- `{copy.artifact}` is left out: {copy.reason}."
    tested = {f"{check.score:.4f}" for check in checks if check.ran}
    title = _title(copy.score_name)
    slower = [
        f"{check.runtime} ({', '.join(f'{ratio:.1f}x' for ratio in ratios.values())})"
        for check in checks
        if (ratios := check.times_of_original) and max(ratios.values()) >= SLOWER
    ]
    return (
        f"- `{copy.artifact}`: {copy.bytes:,} bytes instead of {copy.original_bytes:,}; "
        f"validation {title} {copy.score:.4f}, {copy.change}; "
        f"test {title} {' to '.join(sorted(tested))}."
        + (
            f" Slower than float32, for one image or for 256, in: {'; '.join(slower)}."
            if slower
            else ""
        )
    )


def _short_config(config: dict[str, Any]) -> str:
    shown = {key: config[key] for key in ("model", "optimizer", "train")}
    return dump_yaml(shown, width=100).rstrip()
