"""The result in one sentence, and its most important numbers."""

from html import escape

from pipeline.reporting.subject import Subject, spec_of, title


def sentence(subject: Subject) -> str:
    """Return what the model achieved, compared with a constant prediction."""
    test = subject.numbers.at("evaluate", "facts", "metrics", "test")
    images, quality = f"{test.show('images')} test images", subject.quality
    if quality == "accuracy":
        measured = subject.measured
        confidence = measured.show("interval", "confidence", spec=".0%")
        low, high = (measured.show("interval", end, spec=".2%") for end in ("low", "high"))
        text = (
            f"<b>{escape(subject.run.config.name)}</b> classifies "
            f"<b>{test.show('scores', 'accuracy', spec='.2%')}</b> of {images} correctly "
            f"({confidence} confidence interval {low} to {high}) and makes "
            f"{measured.show('num_mistakes')} mistakes."
        )
    elif quality == "rmse":
        text = (
            f"The answers of <b>{escape(subject.run.config.name)}</b> for {images} differ from "
            f"the labels by {test.show('scores', 'mae', spec='.3f')} on average, "
            f"RMSE <b>{test.show('scores', 'rmse', spec='.3f')}</b>."
        )
    else:  # of a task that was added
        text = (
            f"The {title(quality)} of <b>{escape(subject.run.config.name)}</b> on {images} is "
            f"<b>{test.show('scores', quality, spec=spec_of(quality))}</b>."
        )
    if quality in subject.test.baseline:
        spec = ".3f" if quality == "rmse" else spec_of(quality)
        value = test.show("baseline", quality, spec=spec)
        text += f" Always predicting the {subject.constant} of the training set gives {value}."
    return text


def warning(subject: Subject) -> str:
    """Return that the sample was used in place of the full data set, or nothing."""
    if not subject.run.data.facts.sampled:
        return ""
    return (
        '<p class="warning"><b>Sample.</b> Trained and tested on a sample of the data set, because '
        "the full one was not available. Scores on the full data set are usually better.</p>"
    )


def tiles(subject: Subject) -> str:
    """Return the most important numbers."""
    numbers, test = subject.numbers, subject.numbers.at("evaluate", "facts", "metrics", "test")
    found = [
        (title(name), test.show("scores", name, spec=spec_of(name)))
        for name in list(subject.test.scores)[:4]
    ]
    found.append(("loss", test.show("loss", spec=".4f")))
    found.append(("parameters", numbers.show("train", "facts", "parameters")))
    found.append(("epochs", numbers.show("train", "facts", "epochs")))
    found.append(("training", f"{numbers.show_time('train', 'seconds')} s"))
    items = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in found)
    return f'<dl class="tiles">{items}</dl>'
