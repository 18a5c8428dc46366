"""The section on limits of a model card: what was measured, and what was not."""

from collections.abc import Mapping

from pipeline.publishing.card_tables import title
from pipeline.publishing.manifest import Description

Robustness = Mapping[str, Mapping[str, float]]  # change, strength, score


def limits_section(description: Description, robustness: Robustness | None) -> list[str]:
    """Return the section; ``robustness`` has the score on changed test images, if measured."""
    data, [name, _] = description.data, description.metrics["test"].headline
    measured = _table(title(name), robustness) if robustness else _NOT_MEASURED
    others = _NO_CLASS if description.class_names else []
    return [
        "## Limits",
        "",
        f"The {title(name)} above was measured on the test images of {data.name}, which are from "
        "the same source as the training images. Images from another source, such as other "
        "handwriting, another scanner or another way of cropping, were not tested; expect worse "
        "results on them.",
        "",
        *others,
        *measured,
        "",
    ]


_NO_CLASS = [
    "The model assigns one of the classes to every image, even to one that shows none of them, and "
    "with a probability that may be high.",
    "",
]
_NOT_MEASURED = [
    "How the result changes with shifted, rotated, noisy or inverted images was not measured "
    "for this version."
]


def _table(score: str, robustness: Robustness) -> list[str]:
    rows = [
        f"| {change} | {strength} | {value:.4f} |"
        for change, values in robustness.items()
        for strength, value in values.items()
    ]
    return [
        "On the whole test set, with every image changed:",
        "",
        f"| change | strength | {score} |",
        "|---|---:|---:|",
        *rows,
    ]
