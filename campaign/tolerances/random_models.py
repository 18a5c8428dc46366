"""Random networks for digits, exported."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from pipeline.artifacts.formats import FORMATS
from pipeline.artifacts.model_contract import Contract, contract_for
from pipeline.config.schema import Model
from pipeline.data.sample import read_sample
from pipeline.errors import PipelineError
from pipeline.export.stage import export
from pipeline.export.trained_model import TrainedModel
from pipeline.models.dense import build_model, logits_model
from pipeline.tasks.registry import task_named
from pipeline.tasks.task import Labels, Task
from pipeline.verification.activations.table import ACTIVATIONS

EPOCHS = (0, 0, 1, 10, 100)  # one of these; without training, weights are scaled
TENTH = 10  # of the models, in all formats and all runtimes
FLOAT32_FORMATS = [name for name, item in FORMATS.items() if item.copy_of is None]
OUTPUTS = (
    ("multiclass", "softmax"),
    ("binary", "sigmoid"),
    ("binary", "tanh"),
    ("regression", "linear"),
    ("regression", "relu"),
)
CLASSES = 10


@dataclass(frozen=True)
class Digits:
    """Digits to train on, and others to test on, uint8 (n, 28, 28, 1)."""

    train: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    test: Path
    test_labels: npt.NDArray[np.int64]


def task_for(seed: int) -> Task:
    """Return the task of the random model with this seed."""
    block = seed // len(ACTIVATIONS)  # so that each activation meets each output
    return task_named(*OUTPUTS[(seed + block) % len(OUTPUTS)])


def contract_of(task: Task) -> Contract:
    """Return the contract of a network for digits."""
    return contract_for(task.output(CLASSES), image_shape=(28, 28, 1))


def labels_for(task: Task, digits: npt.NDArray[np.int64]) -> Labels:
    """Return the digits, their parity, or the digits as numbers."""
    return (digits % 2 if task.name == "binary" else digits).astype(task.labels)


def read_digits(folder: Path) -> Digits:
    """Take 1,000 digits of the sample to train on, and 500 others to test on."""
    images, labels = read_sample()
    train, test = slice(1, None, 5), slice(0, None, 10)
    path = folder / "test_images.npy"
    np.save(path, images[test])
    return Digits(images[train], labels[train], path, labels[test])


def random_model(seed: int, digits: Digits, epochs: Sequence[int]) -> keras.Model:
    """Return a network that was trained, or has random weights of any magnitude."""
    rng = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    depth = int(rng.choice([0, 1, 1, 2, 2, 3, 4, 8, 16]))
    widest = 2000 if depth == 1 else 600 if depth < 4 else 80
    config = Model(
        hidden=tuple(int(np.exp(rng.uniform(0, np.log(widest)))) for _ in range(depth)),
        activation=list(ACTIVATIONS)[seed % len(ACTIVATIONS)],
        initializer=str(rng.choice(["glorot_uniform", "he_normal", "orthogonal"])),
    )
    task = task_for(seed)
    model = build_model(config, image_shape=(28, 28, 1), num_classes=CLASSES, task=task)
    if chosen := int(rng.choice(epochs)):
        _train(model, task, digits, chosen, learning_rate=float(rng.choice([1e-3, 1e-2])))
        return model
    scale = 10.0 ** rng.uniform(-8, 3)
    weights = [scale ** rng.uniform(0, 1) * w for w in model.get_weights()]
    spread = 0.1 * scale
    model.set_weights([w if w.ndim > 1 else spread * rng.normal(size=w.shape) for w in weights])
    return model


def _train(
    model: keras.Model, task: Task, digits: Digits, epochs: int, learning_rate: float
) -> None:
    logits, labels = logits_model(model), labels_for(task, digits.labels)
    logits.compile(keras.optimizers.Adam(learning_rate), task.loss())
    logits.fit(digits.train, labels, batch_size=100, epochs=epochs, verbose=0)


def export_all(model: keras.Model, task: Task, formats: list[str], folder: Path) -> None:
    """Export a model; not every format can represent every activation."""
    folder.mkdir()
    trained = TrainedModel(model, contract_of(task), {}, np.zeros((1, 28, 28, 1), np.uint8))
    for name in formats:
        with suppress(PipelineError):
            export(trained, name, folder)


def sound_models(
    seed: int, count: int, digits: Digits, folder: Path, *, epochs: Sequence[int] = EPOCHS
) -> Iterator[Path]:
    """Yield folders, named by their seeds, of random models whose predictions are finite.

    Each tenth has all formats, the others those of Keras and onnxruntime.
    """
    images = np.load(digits.test)
    found = 0
    while found < count:
        model = random_model(seed, digits, epochs)
        if np.isfinite(model(images, training=False)).all():
            path = folder / str(seed)
            formats = FLOAT32_FORMATS if found % TENTH == 0 else ["keras", "onnx"]
            export_all(model, task_for(seed), formats, path)
            yield path
            found += 1
        keras.backend.clear_session()
        seed += 1
