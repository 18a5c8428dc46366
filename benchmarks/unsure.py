"""Measure which answers are unsure, and how good the others are.

``python -m benchmarks.unsure exported/mlp [--fashion t10k-images-idx3-ubyte.gz]``

Coverage is the share that is answered without a warning; the accuracy is that of these answers. The
last lines are for other rules: the calibrated probability alone.
"""

import argparse
import gzip
import string
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.handwriting.drawing import Array
from pipeline import load_model
from pipeline.artifacts.data_set import split_file
from pipeline.imaging.digits import find_digits
from pipeline.publishing.doubts import UNLIKE, Doubts, open_doubts
from pipeline.publishing.published_folder import find_published
from pipeline.runtimes.predictor import Predictor
from pipeline.tasks.calibration import calibrated
from pipeline.tasks.multiclass import Multiclass

_FONTS = Path("/usr/share/fonts/truetype/dejavu")
_LIKE_DIGITS = "OISZBlq" + "ozsi"  # in the fonts, the last four are small O, Z, S and 1


@dataclass(frozen=True)
class Measured:
    """A published model with its reasons for doubt."""

    predictor: Predictor
    doubts: Doubts

    def reasons(self, images: Array) -> list[str | None]:
        """Return the reason for each image, uint8 (n, 28, 28, 1)."""
        predictions = self.predictor.predict_all(images)
        shown = [Multiclass().describe(row, self.predictor.class_names) for row in predictions]
        return self.doubts.reasons(images, predictions, shown)

    def reasons_of_pictures(self, pictures: list[Image.Image]) -> list[str | None]:
        """Return the reason for each picture, as ``predict`` does."""
        findings = [find_digits(picture) for picture in pictures]
        own = self.reasons(np.stack([finding.image for finding in findings]))
        return [f.reason or reason for f, reason in zip(findings, own, strict=True)]


def main() -> None:
    """Print a line for each set of images."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.unsure")
    parser.add_argument("model", type=Path)
    parser.add_argument("--fashion", type=Path, help="the idx file of the test images, .gz")
    options = parser.parse_args()
    published = find_published(options.model)
    measured = Measured(load_model(options.model), open_doubts(published))
    data = options.model.parent.parent / "runs" / "data" / published.manifest.stages.data
    images, labels = (np.load(data / split_file("test", name)) for name in ("images", "labels"))
    print(f"{'':34} {'coverage':>9} {'accuracy':>9} {'unlike':>8} {'images':>7}")
    right = measured.predictor.predict_all(images).argmax(axis=1) == labels
    _print("test set", measured.reasons(images), right)
    letters = _letters()
    for name, chosen in (("like digits", True), ("others", False)):
        drawn = [picture for like, picture in letters if like == chosen]
        _print(f"letters {name}", measured.reasons_of_pictures(drawn))
    if options.fashion:
        others = _idx(options.fashion)
        _print("Fashion-MNIST as arrays", measured.reasons(others))
        pictures = [Image.fromarray(image[..., 0]) for image in others[:2000]]
        _print("Fashion-MNIST as pictures", measured.reasons_of_pictures(pictures))
    _print_rules(measured, images, right)


def _print(name: str, reasons: list[str | None], right: Array | None = None) -> None:
    sure = np.array([reason is None for reason in reasons])
    accuracy = "" if right is None else f"{right[sure].mean():.2%}"
    unlike = reasons.count(UNLIKE) / len(reasons)
    print(f"{name:34} {sure.mean():9.2%} {accuracy:>9} {unlike:8.2%} {len(sure):7,}", flush=True)


def _print_rules(measured: Measured, images: Array, right: Array) -> None:
    fitted = measured.doubts.uncertainty
    temperature = 1.0 if fitted is None else fitted.temperature
    probabilities = measured.predictor.predict_all(images)
    for name, values in (
        ("p", probabilities.max(axis=1)),
        ("calibrated p", calibrated(probabilities, temperature).max(axis=1)),
    ):
        for limit in (0.8, 0.9, 0.92, 0.95, 0.99):
            sure = values >= limit
            print(f"test set, {name} >= {limit:<14} {sure.mean():9.2%} {right[sure].mean():9.2%}")


def _letters() -> list[tuple[bool, Image.Image]]:
    """Return whether a letter is like a digit, and a picture of it, in each font."""
    draw = partial(_letter, np.random.default_rng(5))
    fonts = sorted(path for path in _FONTS.glob("*.ttf") if "Math" not in path.name)
    pairs = [(letter, font) for letter in string.ascii_letters for font in fonts]
    return [(letter in _LIKE_DIGITS, draw(letter, font)) for letter, font in pairs]


def _letter(random_: np.random.Generator, letter: str, font: Path) -> Image.Image:
    picture = Image.new("L", (200, 200), 240)
    large = ImageFont.truetype(font, 110)
    ImageDraw.Draw(picture).text((100, 100), letter, font=large, fill=20, anchor="mm")
    return picture.rotate(random_.uniform(-10, 10), fillcolor=240)


def _idx(path: Path) -> Array:
    pixels = np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=16)
    return pixels.reshape(-1, 28, 28, 1)


if __name__ == "__main__":
    main()
