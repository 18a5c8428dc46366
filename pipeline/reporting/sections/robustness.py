"""The score on changed test images."""

from pipeline.artifacts.report import STRENGTHS
from pipeline.reporting.figures.robustness import robustness_chart
from pipeline.reporting.html import figure, grid, paragraph, section, table
from pipeline.reporting.subject import Subject, spec_of, title

_TEXTS = {
    "shift": "One image is shifted right, the next ones down, left and up, and so on.",
    "rotation": "Every other image is rotated left, the others right.",
    "noise": "Gaussian noise; a standard deviation of 1 is the full range of a pixel.",
    "thickness": "Strokes are made thicker, or thinner below 0.",
    "inversion": "Images are blended with their negatives: at 0.5 all pixels are gray, and 1 is "
    "the negative alone.",
    "attack": "Every pixel moves in the direction that raises the loss of this network (the fast "
    "gradient sign method); 1 is the full range of a pixel.",
}


def robustness(subject: Subject) -> str:
    """Return a chart for each change of the images."""
    score = title(subject.quality)
    figures = []
    unchanged = subject.test.scores[subject.quality]
    for number, found in enumerate(subject.measures.robustness):
        svg = robustness_chart(
            found,
            unchanged,
            subject.test.baseline.get(subject.quality),
            constant=subject.constant,
            score=score,
        )
        name, text = found.change.capitalize(), _TEXTS[found.change]
        figures.append(figure(name, svg, text, _table(subject, number)))
    intro = f"The {score} on the whole test set when every image is changed."
    return section("robustness", "Robustness", paragraph(intro), grid(*figures))


def _table(subject: Subject, number: int) -> str:
    found = subject.measures.robustness[number]
    numbers = subject.measured.at("robustness", number)
    spec = spec_of(subject.quality)
    rows = [
        [numbers.show("strengths", n, spec="g"), numbers.show("scores", n, spec=spec)]
        for n in range(len(found.strengths))
    ]
    head = [STRENGTHS[found.change], title(subject.quality)]
    return table(found.change.capitalize(), head, rows)
