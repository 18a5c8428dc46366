"""Keras ``fit`` with the input pipeline of TensorFlow Datasets' Keras tutorial.

Normalize, cache, shuffle the whole set, batch, prefetch. The cache holds the set after the first
epoch, so it does not matter that the images come from arrays here.
"""

import keras
import tensorflow as tf

from benchmarks.peers.harness import LEARNING_RATE, AfterEpoch, Problem


def train(problem: Problem, after_epoch: AfterEpoch) -> str:
    """Train, call ``after_epoch`` after each epoch, and return the versions."""
    dataset = tf.data.Dataset.from_tensor_slices((problem.images, problem.labels))
    dataset = dataset.map(_normalize, num_parallel_calls=tf.data.AUTOTUNE)
    dataset = dataset.cache().shuffle(len(problem.labels))
    dataset = dataset.batch(problem.batch_size).prefetch(tf.data.AUTOTUNE)
    model = build(problem, (28, 28, 1))
    compile_model(model)
    model.fit(dataset, epochs=problem.epochs, verbose=0, callbacks=[end_of_epoch(after_epoch)])
    return f"Keras {keras.__version__}, TensorFlow {tf.__version__}"


def _normalize(image: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.cast(image, tf.float32) / 255.0, label


def build(problem: Problem, shape: tuple[int, ...]) -> keras.Model:
    """Return the network with the initial weights."""
    hidden = [keras.layers.Dense(units, activation="relu") for units in problem.hidden]
    layers = [keras.Input(shape), keras.layers.Flatten(), *hidden, keras.layers.Dense(10)]
    model = keras.Sequential(layers)
    model.set_weights(problem.weights)
    return model


def compile_model(model: keras.Model, **arguments: int) -> None:
    """Compile as the tutorial does: Adam, cross-entropy from logits, accuracy."""
    model.compile(
        optimizer=keras.optimizers.Adam(LEARNING_RATE),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
        **arguments,
    )


def end_of_epoch(after_epoch: AfterEpoch) -> keras.callbacks.Callback:
    """Return a callback that calls ``after_epoch``."""
    return keras.callbacks.LambdaCallback(on_epoch_end=lambda _, logs: after_epoch(logs["loss"]))
