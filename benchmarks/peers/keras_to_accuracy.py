"""Keras ``fit``, from the start of the process to a given test accuracy."""

import json
import sys
import time
from pathlib import Path

import keras
import numpy as np


class StopAt(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
    """Stops the training at a validation accuracy."""

    def __init__(self, wanted: float) -> None:
        super().__init__()
        self.wanted, self.epochs, self.accuracy = wanted, 0, 0.0

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Stop if the accuracy is reached."""
        self.epochs, self.accuracy = epoch + 1, float(logs["val_accuracy"])
        self.model.stop_training = self.accuracy >= self.wanted


def main() -> None:
    """``FOLDER STARTED ACCURACY BATCH_SIZE``: print seconds since ``STARTED``, and epochs."""
    folder, started, wanted = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    images, test_images = (scaled(folder / f"{name}images.npy") for name in ("", "test_"))
    labels, test_labels = (np.load(folder / f"{name}labels.npy") for name in ("", "test_"))
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((784,)),
            keras.layers.Dense(512, activation="relu"),
            keras.layers.Dense(512, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = StopAt(wanted)
    model.fit(
        images,
        labels,
        batch_size=int(sys.argv[4]),
        epochs=100,
        validation_data=(test_images, test_labels),
        callbacks=[stop],
        verbose=0,
    )
    seconds = time.time() - started
    print(json.dumps({"seconds": seconds, "epochs": stop.epochs, "accuracy": stop.accuracy}))


def scaled(path: Path) -> np.ndarray:
    """Return images, float32 (n, 784) in 0..1."""
    images: np.ndarray = np.load(path)
    return images.reshape(len(images), -1).astype(np.float32) / 255


if __name__ == "__main__":
    main()
