"""The residuals of a regression."""

from pipeline.reporting.figures.distributions import groups_chart, histogram_chart
from pipeline.reporting.html import figure, grid, section, table
from pipeline.reporting.subject import Subject


def residuals(subject: Subject) -> str:
    """Return the histogram of the residuals, and the residuals by label."""
    found = subject.measures.residuals
    if found is None:
        return ""
    ticks = [f"{g.low:.3g}" for g in found.groups]
    numbers = subject.measured.at("residuals", "groups")
    rows = [
        [
            numbers.show(n, "low", spec=".4g")
            if group.low == group.high
            else f"{numbers.show(n, 'low', spec='.4g')} to {numbers.show(n, 'high', spec='.4g')}",
            numbers.show(n, "images"),
            numbers.show(n, "mean", spec=".3f"),
            *(numbers.show(n, "quantiles", q, spec=".3f") for q in range(5)),
        ]
        for n, group in enumerate(found.groups)
    ]
    head = ["label", "images", "mean", "5\u202f%", "25\u202f%", "median", "75\u202f%", "95\u202f%"]
    return section(
        "residuals",
        "Residuals",
        grid(
            figure(
                "All residuals",
                histogram_chart(found),
                "Answers above their labels are to the right of the line.",
            ),
            figure(
                "By label",
                groups_chart(found.groups, ticks),
                "Bars contain the middle half of the residuals, lines those from 5 to 95\u202f%.",
                table("Residuals by label", head, rows),
            ),
        ),
    )
