"""The section on limits of a model card: what was measured, and what was not."""

from collections.abc import Mapping

from pipeline.publishing.card_tables import title
from pipeline.publishing.manifest import Description

Robustness = Mapping[str, Mapping[str, float]]  # disturbance -> its strength -> score


def limits_section(description: Description, robustness: Robustness | None) -> list[str]:
    """Return the section; ``robustness`` has the score on disturbed test images, if measured."""
    data, [name, _] = description.data, description.metrics["test"].headline
    measured = _table(title(name), robustness) if robustness else _NOT_MEASURED
    others = _NO_CLASS if description.class_names else []
    return [
        "## Limits",
        "",
        f"The {title(name)} above is that on the test images of {data.name}, which are as similar "
        "to the training images as the authors of the data set made them. Images from another "
        "source, such as other handwriting, another scanner or another way of cropping, were not "
        "measured; expect a worse result there.",
        "",
        *others,
        *measured,
        "",
    ]


_NO_CLASS = [
    "Every image gets one of the classes, also one that shows none of them, and the probability "
    "may be high: it is no sign that the image shows a class at all.",
    "",
]
_NOT_MEASURED = [
    "How the result changes with shifted, rotated, noisy or inverted images was not measured "
    "for this version."
]


def _table(score: str, robustness: Robustness) -> list[str]:
    rows = [
        f"| {disturbance} | {strength} | {value:.4f} |"
        for disturbance, values in robustness.items()
        for strength, value in values.items()
    ]
    return [
        "On disturbed images of the test set:",
        "",
        f"| disturbance | strength | {score} |",
        "|---|---:|---:|",
        *rows,
    ]
