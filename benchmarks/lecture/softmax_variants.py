"""What lowers the accuracy of a softmax classifier.

``python -m benchmarks.lecture.softmax_variants`` trains in NumPy, with ``pipeline.textbook``: the
pipeline always scales pixels, shuffles and has biases.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import log10

import numpy as np

from benchmarks.lecture.digits import Digits, Pixels, read_digits
from benchmarks.machine import save
from pipeline.textbook.activations import ACTIVATIONS, Array
from pipeline.textbook.backpropagation import Network, backward, forward
from pipeline.textbook.losses import OUTPUT_LOSSES
from pipeline.textbook.update_rules import rmsprop, sgd

SLIDES = (84.64, 83.58)  # percent of the training images and of the test images
_NUM_IMAGES = 60_000


@dataclass(frozen=True)
class Variant:
    """A way to train; ``epochs`` counts passes over its images."""

    name: str
    rate: float = 0.1
    batch: int = 128
    epochs: int = 5
    images: int = _NUM_IMAGES
    scale: float = 1 / 255
    initial: float = 0.0  # standard deviation of the first weights
    bias: bool = True
    order: str = "shuffled"  # or "fixed", "sorted by label"
    optimizer: str = "sgd"


VARIANTS = (
    Variant("reference"),
    Variant("learning rate 0.01", rate=0.01),
    Variant("learning rate 0.001", rate=0.001, epochs=10),
    Variant("full gradient", batch=_NUM_IMAGES, epochs=50),
    Variant("initial weights N(0, 1)", initial=1.0, epochs=10),
    Variant("no bias", bias=False),
    Variant("no shuffling", order="fixed"),
    Variant("sorted by label", order="sorted by label"),
    Variant("2,000 images", images=2_000, epochs=30),
    Variant("300 images", images=300, epochs=100),
    Variant("pixels 0 to 255", scale=1.0, rate=0.01, epochs=20),
    Variant("pixels 0 to 255, RMSprop", scale=1.0, rate=0.001, optimizer="rmsprop", epochs=20),
)


def main() -> None:
    """Train each variant; print and save its accuracies (training, test) in percent."""
    digits, found = read_digits(), []
    for variant in VARIANTS:
        path = [(step, round(own, 2), round(test, 2)) for step, own, test in train(variant, digits)]
        found.append({**asdict(variant), "path": path})
        step, *nearest = min(path, key=lambda point: _distance(point[1], point[2]))
        print(f"{variant.name:26} end {path[-1][1]:.2f} / {path[-1][2]:.2f}", end="   ")
        print(f"nearest {nearest[0]:.2f} / {nearest[1]:.2f} at step {step:,}", flush=True)
    save("lecture_softmax", {"slides": SLIDES, "variants": found})


def train(variant: Variant, digits: Digits) -> Iterator[tuple[int, float, float]]:
    """Yield the step and the accuracies on the variant's training images and on the test images."""
    rng = np.random.default_rng(0)
    images, labels = _training_set(variant, digits)
    weights = rng.normal(0, variant.initial, (images.shape[1], 10))
    parameters, state = [weights, np.zeros(10)], [np.zeros_like(weights), np.zeros(10)]
    step = 0
    for _ in range(variant.epochs):
        order = np.arange(len(labels))
        if variant.order == "shuffled":
            rng.shuffle(order)
        for batch in np.array_split(order, -(-len(order) // variant.batch)):
            scaled = images[batch].astype(np.float64) * variant.scale
            gradients = _gradients(parameters, scaled, labels[batch])
            for k in range(2 if variant.bias else 1):
                parameters[k], state[k] = _update(variant, parameters[k], gradients[k], state[k])
            step += 1
            if _is_measured(step):
                yield step, *_accuracies(parameters, variant, images, labels, digits)
        yield step, *_accuracies(parameters, variant, images, labels, digits)


def _training_set(variant: Variant, digits: Digits) -> tuple[Pixels, Array]:
    images, labels = digits.train_images[: variant.images], digits.train_labels[: variant.images]
    if variant.order == "sorted by label":
        order = np.argsort(labels, kind="stable")
        return images[order], labels[order]
    return images, labels


def _gradients(parameters: list[Array], images: Array, labels: Array) -> tuple[Array, Array]:
    output = OUTPUT_LOSSES["softmax", "cross_entropy"]
    network = Network(parameters[:1], parameters[1:], ACTIVATIONS["linear"], output)
    [layer] = backward(network, forward(network, images), labels)
    return layer.weights, layer.biases


def _update(variant: Variant, w: Array, gradient: Array, state: Array) -> tuple[Array, Array]:
    if variant.optimizer == "sgd":
        return sgd(w, gradient, [], rate=variant.rate)[0], state
    w, [state] = rmsprop(w, gradient, [state], rate=variant.rate, rho=0.9, epsilon=1e-7)
    return w, state


def _is_measured(step: int) -> bool:
    """Whether the step is one of 1, 2, 3, 5, 8, 10, 13, 16, ...: ten for each power of ten."""
    return step == round(10 ** (round(10 * log10(step)) / 10))


def _accuracies(
    parameters: list[Array], variant: Variant, images: Pixels, labels: Array, digits: Digits
) -> tuple[float, float]:
    weights = (parameters[0] * variant.scale).astype(np.float32)

    def percent(x: Pixels, y: Array) -> float:
        return 100 * float(np.mean((x @ weights + parameters[1]).argmax(axis=1) == y))

    return percent(images, labels), percent(digits.test_images, digits.test_labels)


def _distance(train: float, test: float) -> float:
    return abs(train - SLIDES[0]) + abs(test - SLIDES[1])


if __name__ == "__main__":
    main()
