"""Small models of pictures that are no digits: colored ones, and clothes and letters in gray.

They are trained on a few drawn pictures, in the form of the sets that their configurations name.
"""

import colorsys
from pathlib import Path
from typing import Any

import numpy as np

import pipeline
from tests.support.paths import PROJECT
from tests.support.small_sets import prepare_small_known_set

COLORS, CLOTHES, LETTERS = "cifar10", "fashion_mnist", "emnist_letters"
_QUICK = (
    "data.validation=60",
    "model.hidden=[32]",
    "model.dropout=0",
    "optimizer={name: adam, learning_rate: 0.005}",
    "train.epochs=8",
    "train.batch_size=20",
    "export.formats=[onnx]",
    "verify.runtimes=[onnxruntime]",
)


def color(number: int, *, side: int = 32) -> np.ndarray:
    """Return a picture, uint8 (side, side, 3), of the color of a class."""
    hue = colorsys.hsv_to_rgb(number / 10, 1, 1)
    pixels = np.broadcast_to(np.array(hue), (side, side, 3)) * 230
    return pixels.astype(np.uint8)


def clothing(number: int) -> np.ndarray:
    """Return a light shape on black, uint8 (28, 28, 1): each class is longer than the one before.

    The tenth fills the picture from top to bottom.
    """
    image = np.zeros((28, 28, 1), np.uint8)
    image[: 3 * number + 1, 8:20] = 200
    return image


def letter(number: int) -> np.ndarray:
    """Return two strokes on black, uint8 (28, 28, 1), whose places tell the class."""
    image = np.zeros((28, 28, 1), np.uint8)
    image[4:24, 4 + 3 * (number % 6)] = image[4 + 4 * (number // 6), 4:24] = 255
    return image


def publish(workspace: Path) -> None:
    """Train and publish the three models."""
    _prepare(workspace, "cifar10", lambda i: {"id": str(i), "image": color(i % 10)}, classes=10)
    _prepare(workspace, "fashion_mnist", lambda i: {"image": clothing(i % 10)}, classes=10)
    # As TensorFlow Datasets has them: transposed, and counted from 1.
    _prepare(
        workspace,
        "emnist/letters",
        lambda i: {"image": letter(i % 26).swapaxes(0, 1)},
        classes=26,
        first=1,
    )
    for name in (COLORS, CLOTHES, LETTERS):
        config = PROJECT / "configs" / f"{name}.yaml"
        pipeline.run(config, [f"data.tfds_dir={workspace / 'tfds'}", *_QUICK], workspace=workspace)


def _prepare(workspace: Path, name: str, drawn: Any, *, classes: int, first: int = 0) -> None:
    def row(index: int) -> dict[str, Any]:
        return {**drawn(index), "label": index % classes + first}

    prepare_small_known_set(workspace / "tfds", name, row, train=312, test=52)
