"""Measure how many drawn pictures of test digits a published model reads.

``python -m benchmarks.handwriting exported/mlp [--digits 20] [--seed 0]``

The seed chooses the digits and how they are drawn. Seeds from 0 to 99 are for development; the
numbers in ``docs/pictures.md`` are of one run with seed 100.
"""

import argparse
import io
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.handwriting import STYLES
from benchmarks.handwriting.drawing import Array
from pipeline import load_model
from pipeline.artifacts.data_set import split_file
from pipeline.imaging.digits import Finding, find_digits
from pipeline.publishing.doubts import Doubts, open_doubts
from pipeline.publishing.published_folder import find_published
from pipeline.runtimes.predictor import Predictor
from pipeline.tasks.multiclass import Multiclass


@dataclass(frozen=True)
class Outcome:
    """Of each digit: whether it was read right, and whether the answer came with a warning."""

    right: Array
    unsure: Array

    def only(self, chosen: Array) -> "Outcome":
        """Return the outcome of some of the digits."""
        return Outcome(self.right[chosen], self.unsure[chosen])

    @property
    def wrong_without_warning(self) -> float:
        """Share of all."""
        return float(np.mean(~self.right & ~self.unsure))


def main() -> None:
    """Print a line for each style, for all, and for the test set as it is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.handwriting")
    parser.add_argument("model", type=Path)
    parser.add_argument("--digits", type=int, default=20, help="of each style")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--style", choices=STYLES, action="append", help="all unless given")
    options = parser.parse_args()
    predictor = load_model(options.model)
    doubts = open_doubts(find_published(options.model))
    images, labels = _test_set(options.model)
    plain = predictor.predict(images).argmax(axis=1) == labels
    print(
        f"{'style':22} {'right':>7} {'as they are':>12} {'no warning':>11} "
        f"{'coverage':>9} {'accuracy':>9} {'ms':>6}"
    )
    outcomes, all_picks = [], []
    for name in options.style or STYLES:
        random_ = np.random.default_rng([options.seed, *name.encode()])
        picks = random_.integers(0, len(labels), options.digits)
        files = [STYLES[name](images[pick, ..., 0], random_) for pick in picks]
        outcome, seconds = _read(predictor, doubts, files, labels[picks])
        outcomes.append(outcome)
        all_picks.append(picks)
        _print(name, outcome, plain[picks], 1000 * seconds / len(files))
    together = Outcome(
        *(np.concatenate([getattr(o, f) for o in outcomes]) for f in vars(outcomes[0]))
    )
    picks = np.concatenate(all_picks)
    _print("all", together, plain[picks])
    known = plain[picks]
    _print(
        "all read as they are", Outcome(together.right[known], together.unsure[known]), known[known]
    )
    _print_test_set(predictor, doubts, images, labels, plain)


def _test_set(model: Path) -> tuple[Array, Array]:
    stage = find_published(model).manifest.stages.data
    data = model.parent.parent / "runs" / "data" / stage
    return np.load(data / split_file("test", "images")), np.load(
        data / split_file("test", "labels")
    )


def _read(
    predictor: Predictor, doubts: Doubts, files: list[bytes], labels: Array
) -> tuple[Outcome, float]:
    started, findings = time.perf_counter(), []
    for file in files:
        with Image.open(io.BytesIO(file)) as picture:
            findings.append(find_digits(picture))
    seconds = time.perf_counter() - started
    return _outcome(predictor, doubts, findings, labels), seconds


def _outcome(
    predictor: Predictor, doubts: Doubts, findings: list[Finding], labels: Array
) -> Outcome:
    images = np.stack([finding.image for finding in findings])
    probabilities = predictor.predict(images)
    shown = [Multiclass().describe(row, predictor.class_names) for row in probabilities]
    own = doubts.reasons(images, probabilities, shown)
    single = np.array([len(finding.digits) == 1 for finding in findings])
    pairs = zip(findings, own, strict=True)
    unsure = np.array([(finding.reason or reason) is not None for finding, reason in pairs])
    return Outcome(
        right=single & (probabilities.argmax(axis=1) == labels),
        unsure=unsure,
    )


def _print(name: str, outcome: Outcome, plain: Array, milliseconds: float | None = None) -> None:
    print(
        f"{name:22} {outcome.right.mean():7.2%} {plain.mean():12.2%} "
        f"{outcome.wrong_without_warning:11.2%} {np.mean(~outcome.unsure):9.2%} "
        f"{outcome.right[~outcome.unsure].mean():9.2%} {milliseconds or '':6.4}",
        flush=True,
    )


def _print_test_set(
    predictor: Predictor, doubts: Doubts, images: Array, labels: Array, plain: Array
) -> None:
    findings = [find_digits(Image.fromarray(image[..., 0])) for image in images]
    outcome = _outcome(predictor, doubts, findings, labels)
    _print("test set, 28 x 28", outcome, plain)
    unchanged = [np.array_equal(f.image, image) for f, image in zip(findings, images, strict=True)]
    kinds = ", ".join(
        f"{kind} {count:,}" for kind, count in Counter(f.kind for f in findings).items()
    )
    print(f"{'':22} unchanged {np.mean(unchanged):.2%}; {kinds}")


if __name__ == "__main__":
    main()
