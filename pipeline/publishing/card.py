"""The model card, in Markdown."""

from typing import Any

from pipeline.artifacts.metrics import Metrics
from pipeline.config.target import target_text
from pipeline.config.yaml_text import dump_yaml
from pipeline.publishing.card_tables import (
    constant,
    copies_section,
    metrics_tables,
    title,
    verification_table,
)
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
            "The input is raw pixels, integers from 0 to 255: scaling is part of the model. "
            f"{_meaning(description)}",
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
            *metrics_tables(metrics),
            "## Verification",
            "",
            "Every file was opened in a fresh process and evaluated on the whole test set. Times "
            "per image are for a single image and for batches of 256, on the publishing machine.",
            "",
            *verification_table(description.verification, title(test.headline[0])),
            "",
            *copies_section(description.copies, description.verification),
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
    return f"{title(name)} **{_shown(name, value)}**"


def _shown(name: str, value: float) -> str:
    return f"{100 * value:.2f} %" if name == "accuracy" else f"{value:.4f}"


def _purpose(description: Description) -> str:
    images, names = f"images of the data set {description.data.name}", description.class_names
    of_target = {
        "value": f"predicts the labels of {images} as numbers",
        "scaled_value": f"predicts the labels of {images} as numbers from 0 to 1",
    }
    if not names:
        target = target_text(description.target)
        return of_target.get(target, f"predicts the feature {target} of {images}")
    if isinstance(description.target, dict) and "is" in description.target:
        return f"tells whether {images} are of the class {names[1]}"
    if description.task == "binary":
        return f"distinguishes the classes {names[0]} and {names[1]} in {images}"
    return f"classifies {images} into {len(names)} classes"


def _meaning(description: Description) -> str:
    """Explain the output."""
    names = description.class_names
    if description.task == "binary":
        return (
            f"The output is the probability of the class {names[1]}; the label is {names[1]} above "
            f"1/2, and {names[0]} otherwise."
        )
    if not names:
        return "The output is the estimate" + (
            ", which is never negative." if description.output == "relu" else "."
        )
    return "The output is the probability of each class, in the order of `class_names`."


def _baseline(metrics: Metrics) -> str:
    name, _ = metrics.headline
    if name not in metrics.baseline:
        return ""
    value = _shown(name, metrics.baseline[name])
    return f"; always predicting {constant(metrics)} of the training set gives {value}"


def _short_config(config: dict[str, Any]) -> str:
    shown = {key: config[key] for key in ("model", "optimizer", "train")}
    return dump_yaml(shown, width=100).rstrip()
