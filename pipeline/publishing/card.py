"""The model card, in Markdown, with the metadata of the Hugging Face Hub at the top."""

from collections.abc import Sequence
from typing import Any

from pipeline.artifacts.metrics import MemberScore, Metrics
from pipeline.config.yaml_text import dump_yaml
from pipeline.publishing.card_licenses import terms_of
from pipeline.publishing.card_limits import Robustness, limits_section
from pipeline.publishing.card_metadata import front_matter
from pipeline.publishing.card_purpose import data_set, meaning, purpose
from pipeline.publishing.card_tables import (
    constant,
    copies_section,
    interval_text,
    metrics_tables,
    shown,
    title,
    verification_table,
)
from pipeline.publishing.card_usage import usage_section
from pipeline.publishing.manifest import Description


def model_card(
    description: Description, version: int, *, robustness: Robustness | None = None
) -> str:
    """Return the card of a version as Markdown.

    ``robustness`` is the score on changed test images, if that was measured.
    """
    sections = (
        [front_matter(description) + f"# {description.name}, version {version}", ""],
        _summary(description),
        _intended_use(description),
        usage_section(description),
        _data(description),
        ["## Metrics", "", *metrics_tables(description.metrics, description.intervals)],
        limits_section(description, robustness),
        _verification(description),
        copies_section(description.copies, description.verification),
        _provenance(description),
    )
    return "\n".join(line for section in sections for line in section)


def _summary(description: Description) -> list[str]:
    test = description.metrics["test"]
    return [
        f"A dense network with {description.parameters:,} parameters that "
        f"{purpose(description)}. Test {_headline(description)} on {description.data.test:,} images"
        f"{_baseline(test)}.",
        "",
        f"`{description.contract}`",
        "",
        "The input is raw pixels, integers from 0 to 255: scaling is part of the model. "
        f"{meaning(description)}",
        "",
        *_average(description),
    ]


def _average(description: Description) -> list[str]:
    """Return what the model averages, and a table of the members of a committee."""
    members = description.members
    shifts = description.config.get("model", {}).get("average") == "shifts"
    if not members and not shifts:
        return []
    networks = f"its {len(members)} networks" if members else "its network"
    images = " for the image and for the image moved by one pixel up, down, left and right"
    text = f"The model returns the mean of the outputs of {networks}{images if shifts else ''}."
    return [text, "", *_members(members)]


def _members(members: Sequence[MemberScore]) -> list[str]:
    if not members:
        return []
    rows = [
        f"| {number} | {_or_dash(m.name, m.validation)} | {_or_dash(m.name, m.test)} |"
        for number, m in enumerate(members, 1)
    ]
    name = title(members[0].name)
    return [f"| network | {name}, validation | {name}, test |", "|---|---|---|", *rows, ""]


def _or_dash(name: str, score: float | None) -> str:
    return "-" if score is None else shown(name, score)


def _intended_use(description: Description) -> list[str]:
    height, width, channels = description.contract.image_shape
    kind = {1: "gray values", 3: "RGB colors"}.get(channels, f"{channels} channels")
    return [
        "## Intended use",
        "",
        f"Images of {width} x {height} pixels with {kind} that were prepared in the same way as "
        f"those of {data_set(description)}, for teaching, for comparisons with other models, and "
        "as a test of programs that load models. Before it is used for decisions that affect "
        "people, it must be tested on the images of that application.",
        "",
        *_license(description.license),
        "",
    ]


def _license(name: str | None) -> list[str]:
    if name:
        return [f"License of the model: {name}."]
    return ["No license was chosen for the model (`publish.license`): ask its publisher."]


def _data(description: Description) -> list[str]:
    data = description.data
    terms = terms_of(data.name)
    return [
        "## Data",
        "",
        f"{f'[{terms.title}]({terms.home})' if terms.home else terms.title}, {terms.license}.",
        "",
        f"Source: {data.source}; {data.origin.rstrip('.')}.",
        *(_SAMPLE_WARNING if data.sampled else []),
        f"Images: {data.train:,} for training, {data.validation:,} for validation, "
        f"{data.test:,} for testing.",
        "",
    ]


_SAMPLE_WARNING = [
    "",
    "**Trained on a sample of 5,000 digits, not on the full data set**, which was not available.",
    "",
]


def _headline(description: Description) -> str:
    name, value = description.metrics["test"].headline
    interval = description.intervals.get(name)
    uncertain = f" ({interval_text(name, interval)})" if interval else ""
    return f"{title(name)} **{shown(name, value)}**{uncertain}"


def _baseline(metrics: Metrics) -> str:
    name, _ = metrics.headline
    if name not in metrics.baseline:
        return ""
    value = shown(name, metrics.baseline[name])
    return f"; always predicting {constant(metrics)} of the training set gives {value}"


def _verification(description: Description) -> list[str]:
    score, _ = description.metrics["test"].headline
    return [
        "## Verification",
        "",
        "Every file was opened in a fresh process and evaluated on the whole test set. Times "
        "per image are for a single image and for batches of 256, on the publishing machine.",
        "",
        *verification_table(description.verification, title(score)),
        "",
    ]


def _provenance(description: Description) -> list[str]:
    prints, versions = description.stages, description.versions
    return [
        "## Provenance",
        "",
        *[f"Published: {description.published}.\n"] * bool(description.published),
        f"Fingerprints: data `{prints.data}`, train `{prints.train}`, evaluate "
        f"`{prints.evaluate}`. Test images: SHA-256 `{description.data.test_sha256}`.",
        "",
        f"Versions: {', '.join(f'{name} {version}' for name, version in versions.items())}.",
        "",
        *(["```console", f"$ {description.command}", "```", ""] if description.command else []),
        "```yaml",
        _short_config(description.config),
        "```",
        "",
    ]


def _short_config(config: dict[str, Any]) -> str:
    chosen: dict[str, Any] = {key: config[key] for key in ("data", "model", "optimizer", "train")}
    chosen["data"] = {key: value for key, value in config["data"].items() if value is not None}
    return dump_yaml(chosen, width=100).rstrip()
