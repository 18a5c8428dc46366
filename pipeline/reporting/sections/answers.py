"""The confusion matrix with the images behind it, metrics by class, and the worst mistakes."""

from html import escape

from pipeline.reporting.html import paragraph, section, table
from pipeline.reporting.numbers import PROBABILITY
from pipeline.reporting.pictures import Sprite
from pipeline.reporting.subject import Subject


def confusion(subject: Subject, sprite: Sprite) -> str:
    """Return the matrix; each cell opens the images that are behind it."""
    if not subject.test.confusion:
        return ""
    return section(
        "confusion",
        "Confusion matrix",
        paragraph(
            "Test images by their label (rows) and the answer of the model (columns). Choose a "
            "cell to see images that it counts, those with the most confident answers."
        ),
        f'<div class="pair"><div>{_matrix(subject)}</div><div>{_classes(subject)}</div></div>',
        "".join(_popover(subject, sprite, n) for n in range(len(subject.measures.cells))),
    )


def _matrix(subject: Subject) -> str:
    counts = subject.test.confusion
    names = [escape(name) for name in subject.class_names]
    errors = [n for i, row in enumerate(counts) for j, n in enumerate(row) if i != j]
    most = max([1, *errors])
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = "".join(
        f'<tr><th scope="row">{names[i]}</th>'
        + "".join(_cell(subject, i, j, n, most) for j, n in enumerate(row))
        + "</tr>"
        for i, row in enumerate(counts)
    )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Counts by label and answer">'
        f'<table class="matrix{_long_names(subject)}"><caption class="unseen">Confusion matrix: '
        "rows are labels, columns are answers</caption><thead><tr>"
        f'<td><span class="unseen">label</span></td>{head}'
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cell(subject: Subject, label: int, answer: int, count: int, most: int) -> str:
    if not count:
        return '<td class="none">·</td>'
    shown = subject.numbers.show(
        *("evaluate", "facts", "metrics", "test", "confusion", label, answer)
    )
    kind = "right" if label == answer else "wrong"
    # The root makes single mistakes visible beside the most frequent one.
    level = 100 if label == answer else round(100 * (count / most) ** 0.5)
    what = f"label {subject.class_name(label)}, answer {subject.class_name(answer)}"
    return (
        f'<td class="{kind}" style="--level:{level}%"><button type="button" '
        f'popovertarget="cell-{label}-{answer}" aria-label="{escape(what)}: {count:,} images">'
        f"{shown}</button></td>"
    )


def _popover(subject: Subject, sprite: Sprite, number: int) -> str:
    cell = subject.measures.cells[number]
    label, answer = subject.class_name(cell.label), subject.class_name(cell.answer)
    pictures = "".join(
        sprite.show(image, f"test image {image} with the label {label}") for image in cell.images
    )
    count = subject.numbers.show(
        *("evaluate", "facts", "metrics", "test", "confusion", cell.label, cell.answer)
    )
    return (
        f'<div popover id="cell-{cell.label}-{cell.answer}" class="cell" role="dialog" '
        f'aria-label="Label {escape(label)}, answer {escape(answer)}">'
        f"<p>Label <b>{escape(label)}</b>, answer <b>{escape(answer)}</b>: {count} images</p>"
        f'<div class="pictures">{pictures}</div></div>'
    )


def _classes(subject: Subject) -> str:
    numbers = subject.numbers.at("evaluate", "facts", "metrics", "test", "classes")
    rows = [
        [
            escape(row.name),
            *(numbers.show(n, key, spec=".2%") for key in ("precision", "recall", "f1")),
            numbers.show(n, "images"),
        ]
        for n, row in enumerate(subject.test.classes)
    ]
    return table("Metrics by class", ["class", "precision", "recall", "F1", "test images"], rows)


def mistakes(subject: Subject, sprite: Sprite) -> str:
    """Return the most confident mistakes, or the largest residuals, as pictures."""
    found = subject.measures.mistakes
    if not found:
        return section("mistakes", "Mistakes", paragraph("There are none on the test set."))
    if subject.class_names:
        name, intro = (
            "Most confident mistakes",
            (
                "Wrong answers on the test set with the highest probabilities. Under each picture: "
                "the label, the answer, and its probability."
            ),
        )
    else:
        name, intro = (
            "Largest errors",
            (
                "Test images whose answers are furthest from their labels. Under each picture: the "
                "label and the answer."
            ),
        )
    items = "".join(f"<li>{_mistake(subject, sprite, n)}</li>" for n in range(len(found)))
    return section(
        "mistakes", name, paragraph(intro),
        f'<ol class="mistakes pictures{_long_names(subject)}">{items}</ol>',
    )  # fmt: skip


def _long_names(subject: Subject) -> str:
    return " long-names" if subject.has_long_names else ""


def _mistake(subject: Subject, sprite: Sprite, number: int) -> str:
    mistake = subject.measures.mistakes[number]
    numbers = subject.measured.at("mistakes", number)
    if subject.class_names:
        label, answer = subject.class_name(mistake.label), subject.class_name(mistake.answer)
        names = f"<span>{escape(label)} → <b>{escape(answer)}</b></span>"
        below = f"<small>{numbers.show('probability', spec=PROBABILITY)}</small>"
        text = f"test image {mistake.image}: label {label}, answer {answer}"
    else:
        label, answer = numbers.show("label", spec=".4g"), numbers.show("answer", spec=".3f")
        names = f"<span>{label} → <b>{answer}</b></span>"
        below, text = "", f"test image {mistake.image}"
    return f"{sprite.show(mistake.image, text)}{names}{below}"
