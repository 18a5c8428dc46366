"""The section on limits of a model card: what was measured, and what was not."""

from collections.abc import Mapping

from pipeline.artifacts.report import Answered
from pipeline.artifacts.serialization import from_json
from pipeline.publishing.card_tables import title
from pipeline.publishing.manifest import Description

Robustness = Mapping[str, Mapping[str, float]]  # change, strength, score


def limits_section(description: Description, robustness: Robustness | None) -> list[str]:
    """Return the section; ``robustness`` has the score on changed test images, if measured."""
    data, [name, _] = description.data, description.metrics["test"].headline
    measured = _table(title(name), robustness) if robustness else _NOT_MEASURED
    return [
        "## Limits",
        "",
        f"The {title(name)} above was measured on the test images of {data.name}, which are from "
        "the same source as the training images. Images from another source, such as other "
        "handwriting, another scanner or another way of cropping: not measured. Expect worse "
        "results on them. To measure them, on pictures whose labels you know: `pipeline evaluate "
        f"{description.name} FOLDER`.",
        "",
        *_doubts(description),
        *measured,
        "",
    ]


def _doubts(description: Description) -> list[str]:
    """Return what is answered without a warning, and what the model does with other images."""
    if not description.class_names:
        return []
    found = _answered(description)
    return [
        *([_share_answered(found), ""] if found else []),
        "The model assigns one of the classes to every image, even to one that shows none of them, "
        "and with a probability that may be high. How many of those are answered without a "
        f"warning: not measured. To measure it: `pipeline evaluate {description.name} FILE.csv`, "
        "with an empty label for them.",
        "",
    ]


def _answered(description: Description) -> Answered | None:
    """Return what the report counted, if the version has what its rules need: an ONNX file."""
    found = (description.report or {}).get("answered")
    return from_json(Answered, found) if found and "onnx" in description.formats else None


def _share_answered(found: Answered) -> str:
    share = f"{_percent(found.answered, found.images)} of the {found.images:,} test images"
    answered = f"Without a warning that the answer is unsure, {share} are answered"
    if not found.answered:
        return f"{answered}."
    return f"{answered}; {_percent(found.right, found.answered)} of these answers are right."


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %"


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
