"""Keras ``fit`` on arrays, with many steps per call (``steps_per_execution``)."""

import keras
import tensorflow as tf

from benchmarks.peers.harness import AfterEpoch, Problem
from benchmarks.peers.keras_tutorial import build, compile_model, end_of_epoch

STEPS_PER_EXECUTION = 50


def train(problem: Problem, after_epoch: AfterEpoch) -> str:
    """Train, call ``after_epoch`` after each epoch, and return the versions."""
    model = build(problem, (784,))
    steps = -(-len(problem.labels) // problem.batch_size)
    compile_model(model, steps_per_execution=min(STEPS_PER_EXECUTION, steps))
    model.fit(
        problem.scaled,
        problem.labels,
        batch_size=problem.batch_size,
        epochs=problem.epochs,
        verbose=0,
        callbacks=[end_of_epoch(after_epoch)],
    )
    return f"Keras {keras.__version__}, TensorFlow {tf.__version__}"
