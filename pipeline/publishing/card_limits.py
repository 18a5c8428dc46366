"""The section on limits of a model card: what was measured, and what was not."""

from collections.abc import Mapping, Sequence

from pipeline.artifacts.report import OTHER_PICTURES, Answered, OtherPictures
from pipeline.artifacts.serialization import from_json
from pipeline.publishing.card_tables import title
from pipeline.publishing.manifest import Description

Robustness = Mapping[str, Mapping[str, float]]  # change, strength, score


def limits_section(description: Description, robustness: Robustness | None) -> list[str]:
    """Return the section; ``robustness`` has the score on changed test images, if measured."""
    data, [name, _] = description.data, description.metrics["test"].headline
    measured = _table(title(name), robustness) if robustness else _NOT_MEASURED
    others = _other_pictures(description)
    source = (
        f"The {title(name)} above was measured on the test images of {data.name}, which are from "
        "the same source as the training images. "
    )
    return [
        "## Limits",
        "",
        source + (_MEASURED_BELOW if others else _OTHER_SOURCES) + f"{description.name} FOLDER`.",
        "",
        *_doubts(description, others),
        *measured,
        "",
    ]


def _doubts(description: Description, others: Sequence[OtherPictures]) -> list[str]:
    """Return what is answered without a warning, and what the model does with other images."""
    if not description.class_names:
        return []
    found = _answered(description)
    return [
        *([_share_answered(found), ""] if found else []),
        *(_others_table(others) if others else []),
        "The model assigns one of the classes to every image, even to one that shows none of them, "
        "and with a probability that may be high."
        + ("" if others else " How many of those are answered without a warning: not measured.")
        + f" To measure it on your own: `pipeline evaluate {description.name} FILE.csv`, with an "
        "empty label for them.",
        "",
    ]


def _others_table(others: Sequence[OtherPictures]) -> list[str]:
    rows = [
        f"| {OTHER_PICTURES[found.kind]} | {found.images:,} | {_share(found.right, found.images)} "
        f"| {_share(found.answered, found.images)} "
        f"| {_share(found.answered_right, found.answered)} |"
        for found in others
    ]
    return [
        "On pictures from other sources:",
        "",
        "| pictures | number | right | answered without a warning | right among these |",
        "|---|---:|---:|---:|---:|",
        *rows,
        "",
        " ".join(_SOURCES[found.kind] for found in others),
        "",
    ]


def _other_pictures(description: Description) -> tuple[OtherPictures, ...]:
    """Return what the report measured on them; its rules need an ONNX file."""
    found = (description.report or {}).get("other_pictures") or []
    if "onnx" not in description.formats:
        return ()
    return tuple(from_json(OtherPictures, one) for one in found)


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


def _share(part: int | None, whole: int) -> str:
    return "" if part is None or not whole else _percent(part, whole)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %"


_MEASURED_BELOW = (
    "Expect worse results on images from another source, such as other handwriting, another "
    "scanner or another way of cropping; the results on some are below. To measure your own "
    "pictures, whose labels you know: `pipeline evaluate "
)
_OTHER_SOURCES = (
    "Images from another source, such as other handwriting, another scanner or another way of "
    "cropping: not measured. Expect worse results on them. To measure them, on pictures whose "
    "labels you know: `pipeline evaluate "
)
_SOURCES = {
    "handwriting": "The handwriting is that of 13 people from the test set of the UCI Optical "
    "Recognition of Handwritten Digits (Alpaydin and Kaynak 1998, CC BY 4.0), which has 8 x 8 "
    "pixels per digit; each was enlarged to the form of MNIST's images.",
    "letters": "The letters are in six fonts, without those that look like digits: "
    "O, o, I, i, l, S, s, Z, z, B, b, q and g.",
    "photographs": "The parts of photographs have 60 x 60 pixels.",
}


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
