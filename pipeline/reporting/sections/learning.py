"""Learning curves, and the metrics of all splits."""

from pipeline.reporting.figures.learning import logs_chart, rate_chart
from pipeline.reporting.html import details, figure, grid, section, table
from pipeline.reporting.numbers import MISSING
from pipeline.reporting.subject import Subject, spec_of, title

_NOTES = {
    "loss": "Training values are means over an epoch, computed while the weights change and with "
    "dropout, if there is any; validation values are computed at its end.",
    "active_outputs": "The share of images whose prediction is above 0.",
}


def learning(subject: Subject) -> str:
    """Return the curves of the loss, the score and the learning rate, and a table of epochs."""
    epochs = subject.measures.epochs
    names = [name for name in epochs[0].logs if not name.startswith("val_")]
    figures = [
        figure(
            title(name)[0].upper() + title(name)[1:],
            logs_chart(epochs, name, title(name), is_share=name == "accuracy"),
            _NOTES.get(name, "The validation images are not used for training."),
        )
        for name in names
    ]
    if epochs[0].learning_rate is not None:
        figures.append(
            figure("Learning rate", rate_chart(epochs), "At the first step of each epoch.")
        )
    return section(
        "learning", "Learning", grid(*figures), details("All epochs", _epochs(subject)),
        _splits(subject),
    )  # fmt: skip


def _epochs(subject: Subject) -> str:
    epochs, numbers = subject.measures.epochs, subject.measured.at("epochs")
    names = list(epochs[0].logs)
    rows = [
        [
            numbers.show(n, "epoch"),
            *(numbers.show(n, "logs", name, spec=_spec(name)) for name in names),
            numbers.show(n, "learning_rate", spec=".4g"),
            numbers.show_time(n, "seconds"),
        ]
        for n in range(len(epochs))
    ]
    shown = [
        f"validation {title(n.removeprefix('val_'))}" if n.startswith("val_") else title(n)
        for n in names
    ]
    return table("All epochs", ["epoch", *shown, "learning rate", "total seconds"], rows)


def _splits(subject: Subject) -> str:
    metrics = subject.run.evaluate.facts.metrics
    numbers = subject.numbers.at("evaluate", "facts", "metrics")
    names = list(subject.test.scores)
    rows = [
        [
            split,
            numbers.show(split, "images"),
            numbers.show(split, "loss", spec=".4f"),
            *(
                numbers.show(split, "scores", name, spec=spec_of(name)) if name in found.scores
                else MISSING
                for name in names
            ),
        ]
        for split, found in metrics.items()
    ]  # fmt: skip
    if subject.test.baseline:
        scores = [
            numbers.show("test", "baseline", name, spec=spec_of(name))
            if name in subject.test.baseline
            else MISSING
            for name in names
        ]
        split = f"test, always the {subject.constant}"
        rows.append([split, numbers.show("test", "images"), MISSING, *scores])
    head = ["split", "images", "loss", *map(title, names)]
    return f"<h3>Metrics</h3>{table('Metrics of each split', head, rows)}"


def _spec(name: str) -> str:
    return ".2%" if name.endswith("accuracy") else ".4f"
