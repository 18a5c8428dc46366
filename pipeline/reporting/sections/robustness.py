"""The score on changed test images."""

from pipeline.reporting.figures.robustness import robustness_chart
from pipeline.reporting.html import figure, grid, paragraph, section, table
from pipeline.reporting.subject import Subject, spec_of, title

_TITLES = {
    "shift": ("Shift", "pixels", "To the right, down, to the left, up: in turn."),
    "rotation": ("Rotation", "degrees", "To the left and to the right, in turn."),
    "noise": ("Noise", "standard deviation", "Gaussian noise; 1 is the range of a pixel."),
    "thickness": ("Thickness", "pixels on each side", "Strokes made wider, or thinner below 0."),
    "inversion": (
        "Inversion",
        "share of the negative",
        "A mixture with the negative: near 0.5 all pixels are gray, 1 is the negative alone.",
    ),
}


def robustness(subject: Subject) -> str:
    """Return a chart for each change of the images."""
    score = title(subject.quality)
    figures = []
    unchanged = subject.test.scores[subject.quality]
    for number, found in enumerate(subject.measures.robustness):
        name, across, text = _TITLES[found.change]
        svg = robustness_chart(
            found, unchanged, subject.test.baseline.get(subject.quality), across, score
        )
        figures.append(figure(name, svg, text, _table(subject, number)))
    intro = (
        f"The {score} on the whole test set when every image is changed. The model was not "
        "trained on changed images unless its configuration says so."
    )
    return section("robustness", "Robustness", paragraph(intro), grid(*figures))


def _table(subject: Subject, number: int) -> str:
    found = subject.measures.robustness[number]
    numbers = subject.measured.at("robustness", number)
    spec = spec_of(subject.quality)
    rows = [
        [numbers.show("strengths", n, spec="g"), numbers.show("scores", n, spec=spec)]
        for n in range(len(found.strengths))
    ]
    name, across, _ = _TITLES[found.change]
    return table(name, [across, title(subject.quality)], rows)
