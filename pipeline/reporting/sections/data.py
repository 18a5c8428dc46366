"""The data: source, counts, samples of each class, SHA-256."""

from html import escape

import numpy as np

from pipeline.artifacts.data_set import SPLITS
from pipeline.artifacts.stage_facts import DataFacts
from pipeline.data.duplicates import duplicates_text
from pipeline.publishing.portable import portable_origin
from pipeline.reporting.html import details, figure, section, table
from pipeline.reporting.pictures import Sprite, data_uri, sheet
from pipeline.reporting.subject import Subject
from pipeline.training.augmentation.examples import examples

_EXAMPLES, _VARIANTS = 5, 11  # training images, and changed ones beside each


def data(subject: Subject, sprite: Sprite | None) -> str:
    """Return where the images are from, how many there are, and what they look like."""
    facts, numbers = subject.run.data.facts, subject.numbers.at("data", "facts")
    origin = portable_origin(facts.origin, subject.run.root).rstrip(".")
    shape = " &times; ".join(numbers.show("image_shape", axis) for axis in range(3))
    counts = ", ".join(f"{numbers.show(split)} for {_PURPOSES[split]}" for split in SPLITS)
    listed = [
        ("Data set", escape(facts.name)),
        ("Source", f"{escape(facts.source)}; {escape(origin)}"),
        ("Target", escape(facts.target)),
        ("Images", f"{counts}; {shape} (height, width, channels)"),
    ]
    listed += _content(facts)
    items = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in listed)
    return section(
        "data", "Data", f'<dl class="facts">{items}</dl>',
        _classes(subject, sprite) if sprite else "", _changed(subject),
        details("SHA-256 of the arrays", _sums(subject)),
    )  # fmt: skip


def _content(facts: DataFacts) -> list[tuple[str, str]]:
    """Return what is known about the pictures themselves: their hash, sizes and duplicates."""
    found = []
    if facts.content:
        found.append(("SHA-256 of the pictures", f"<code>{facts.content}</code>"))
    if facts.content and facts.preprocessing:
        height, width = facts.preprocessing.size
        fit = "shown whole, on black" if facts.preprocessing.fit == "fit" else "cropped to center"
        found.append(("Resizing", f"to {height} &times; {width}, {fit}, aspect ratio kept"))
    if facts.duplicates:
        text = duplicates_text(facts.duplicates, facts.validation + facts.test)
        found.append(("Duplicates", escape(text)))
    return found


_PURPOSES = {"train": "training", "validation": "validation", "test": "testing"}


def _classes(subject: Subject, sprite: Sprite) -> str:
    numbers = subject.numbers.at("evaluate", "facts", "metrics")
    splits = [split for split in SPLITS if split in subject.run.evaluate.facts.metrics]
    rows = [
        [
            escape(subject.class_name(samples.label)),
            '<div class="pictures small">'
            + "".join(
                sprite.show(i, f"training image {i}, {subject.class_name(samples.label)}")
                for i in samples.images
            )
            + "</div>",
            *(numbers.show(split, "classes", samples.label, "images") for split in splits),
        ]
        for samples in subject.measures.samples
    ]
    head = ["class", "first training images", *(_PURPOSES[split] for split in splits)]
    return table("Images by class", head, rows, texts=2)


def _changed(subject: Subject) -> str:
    """Return a picture of training images as ``train.augment`` changes them."""
    train = subject.run.config.train
    if train.augment is None:
        return ""
    images = np.asarray(subject.run.data_set.train.images[:_EXAMPLES])
    shown = examples(train.augment, images, variants=_VARIANTS, seed=train.seed)
    uri = data_uri(sheet(shown, 1 + _VARIANTS, gap=2))
    text = "The first of each row is a training image; the others are what the network may see."
    image = f'<img class="weights" src="{uri}" alt="Training images, as they are and changed">'
    return figure("Augmentation", image, text)


def _sums(subject: Subject) -> str:
    rows = [
        [f"<code>{escape(name)}</code>", f"<code>{file.sha256}</code>"]
        for name, file in sorted(subject.run.data.outputs.items())
        if name.endswith(".npy")
    ]
    return table("SHA-256 of the arrays", ["file", "SHA-256"], rows, texts=2)
