"""This project: the loop of the stage ``train``, on bytes."""

import keras
import tensorflow as tf

from benchmarks.peers.harness import LEARNING_RATE, AfterEpoch, Problem
from pipeline.artifacts.data_set import Split
from pipeline.config.schema import Model
from pipeline.config.training_schema import Optimizer, Train
from pipeline.models.dense import build_model
from pipeline.models.optimizers import build_optimizer
from pipeline.progress import Silent
from pipeline.tasks.registry import task_named
from pipeline.training.compiling import compile_program
from pipeline.training.feed import InMemoryFeed
from pipeline.training.loop import Loop
from pipeline.training.program_pool import compiled

MULTICLASS = task_named("multiclass")


def train(problem: Problem, after_epoch: AfterEpoch) -> str:
    """Train, call ``after_epoch`` after each epoch, and return the versions."""
    model = build_model(
        Model(hidden=problem.hidden), image_shape=(28, 28, 1), num_classes=10, task=MULTICLASS
    )
    model.set_weights(problem.weights)
    feed = InMemoryFeed(
        Split(problem.images, problem.labels), batch_size=problem.batch_size, seed=0
    )
    config = Optimizer(name="adam", learning_rate=LEARNING_RATE)
    optimizer = build_optimizer(config, total_steps=feed.num_steps * problem.epochs)
    with compiled(model, optimizer, task=MULTICLASS, batch_size=problem.batch_size) as program:
        compile_program(program, feed, Train(), Silent())
        loop = Loop(program, feed)
        for epoch in range(problem.epochs):
            after_epoch(loop.run_epoch(epoch, lambda _state: None).loss)
    return f"Keras {keras.__version__}, TensorFlow {tf.__version__}"
