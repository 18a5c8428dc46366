"""How far the probabilities can be trusted; for binary classifiers, the choice of a threshold."""

from collections.abc import Sequence
from html import escape

from pipeline.artifacts.report import OTHER_PICTURES
from pipeline.reporting.figures.probabilities import (
    coverage_chart,
    curve_chart,
    reliability_chart,
)
from pipeline.reporting.html import details, figure, grid, paragraph, section, table
from pipeline.reporting.subject import Subject


def confidence(subject: Subject) -> str:
    """Return the reliability, what temperature scaling would give, and accuracy by coverage."""
    if not subject.measures.coverage:
        return ""
    if subject.measures.calibration is None:  # there is no validation set to fit it on
        return section(
            "confidence", "Confidence", grid(_coverage(subject)), _answered(subject),
        )  # fmt: skip
    return section(
        "confidence", "Confidence", paragraph(_calibration(subject)),
        grid(_reliability(subject), _coverage(subject)), _answered(subject),
    )  # fmt: skip


def _calibration(subject: Subject) -> str:
    numbers = subject.measured.at("calibration")
    error, scaled = (numbers.show(n, spec=".2%") for n in ("error", "scaled_error"))
    loss, scaled_loss = (numbers.show(n, spec=".4f") for n in ("loss", "scaled_loss"))
    return (
        f"On average, the confidence differs from the accuracy by {error} (the calibration error). "
        f"Temperature scaling with T = {numbers.show('temperature', spec='.3f')}, fitted "
        f"on the validation set, would make it {scaled}, and the loss {scaled_loss} instead of "
        f"{loss}. It changes no answer. The exported files contain the unscaled probabilities."
    )


def _reliability(subject: Subject) -> str:
    found = subject.measures.calibration
    assert found is not None, "the caller has checked"
    tables = "".join(
        _bins(subject, kind, caption, len(bins))
        for kind, caption, bins in (
            ("bins", "As trained", found.bins),
            ("scaled_bins", "After temperature scaling", found.scaled_bins),
        )
    )
    text = (
        "Below the dotted line, the model is overconfident; above it, underconfident. The area of "
        "a disk is proportional to its number of images."
    )
    return figure("Reliability", reliability_chart(found), text, tables)


def _bins(subject: Subject, kind: str, caption: str, count: int) -> str:
    numbers = subject.measured.at("calibration", kind)
    rows = [
        [*(numbers.show(n, k, spec=".2%") for k in ("confidence", "accuracy")),
         numbers.show(n, "images")]
        for n in range(count)
    ]  # fmt: skip
    return f"<h4>{caption}</h4>" + table(caption, ["confidence", "accuracy", "images"], rows)


def _coverage(subject: Subject) -> str:
    points, numbers = subject.measures.coverage, subject.measured.at("coverage")
    rows = [
        [numbers.show(n, "coverage", spec=".0%"), numbers.show(n, "images"),
         numbers.show(n, "threshold", spec=".4f"), numbers.show(n, "accuracy", spec=".2%")]
        for n in range(len(points))
    ]  # fmt: skip
    text = "The accuracy of the remaining answers if the least confident ones are withheld."
    data = table("Coverage", ["answered", "images", "least confidence", "accuracy"], rows)
    return figure("Accuracy against coverage", coverage_chart(points), text, data)


def _answered(subject: Subject) -> str:
    """Return what is answered without a warning, also of pictures from other sources."""
    numbers, others = subject.measured, subject.measures.other_pictures
    if subject.measures.answered is None:
        return ""
    rows = [
        ["test images", *(numbers.show("answered", key) for key in ("images", "answered", "right"))]
    ]
    rows += [
        [OTHER_PICTURES[found.kind],
         *(numbers.show("other_pictures", n, key)
           for key in ("images", "answered", "answered_right"))]
        for n, found in enumerate(others)
    ]  # fmt: skip
    text = "An answer has a warning if the model is unsure, or if there is not one single digit."
    if not others:
        text = "An answer has a warning if the model is unsure."
    title = "Answers without a warning"
    head = ["source", "pictures", "answered without a warning", "right among these"]
    return f"<h3>{title}</h3>" + paragraph(text) + table(title, head, rows)


def thresholds(subject: Subject) -> str:
    """Return ROC and precision-recall curves, and the metrics at several thresholds."""
    found = subject.measures.binary
    if found is None:
        return ""
    positive = escape(subject.class_names[1])
    test = subject.numbers.at("evaluate", "facts", "metrics", "test", "scores")
    roc = figure(
        "ROC",
        curve_chart(
            "roc", "Recall by false-positive rate.", found.roc, "false-positive rate", "recall"
        ),
        f"The area under the curve is {test.show('roc_auc', spec='.4f')}.",
    )
    precision = figure(
        "Precision and recall",
        curve_chart(
            "precision", "Precision by recall.", found.precision_recall, "recall", "precision"
        ),
        f"The average precision is {test.show('average_precision', spec='.4f')}.",
    )
    text = f"The positive class is {positive}, the answer if its probability is above 50\u202f%."
    return section(
        "thresholds", "Thresholds", paragraph(text), grid(roc, precision),
        _thresholds(subject, list(range(len(found.thresholds)))),
    )  # fmt: skip


def _thresholds(subject: Subject, rows: Sequence[int]) -> str:
    numbers = subject.measured.at("binary", "thresholds")
    keys = ("accuracy", "precision", "recall", "f1")
    lines = [
        [numbers.show(n, "threshold", spec=".2f"), *(numbers.show(n, k, spec=".2%") for k in keys)]
        for n in rows
    ]
    head = ["threshold", "accuracy", "precision", "recall", "F1"]
    return details("Metrics by threshold", table("Metrics by threshold", head, lines))
