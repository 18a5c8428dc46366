"""scikit-learn's ``MLPClassifier``; ``partial_fit`` is one epoch.

It draws its own initial weights by the same rule.
"""

import sklearn
from sklearn.neural_network import MLPClassifier

from benchmarks.peers.harness import LEARNING_RATE, AfterEpoch, Problem


def train(problem: Problem, after_epoch: AfterEpoch) -> str:
    """Train, call ``after_epoch`` after each epoch, and return the versions."""
    images = problem.scaled
    model = MLPClassifier(
        problem.hidden,
        solver="adam",
        alpha=0.0,
        batch_size=problem.batch_size,
        learning_rate_init=LEARNING_RATE,
        random_state=0,
    )
    for _ in range(problem.epochs):
        model.partial_fit(images, problem.labels, classes=range(10))
        after_epoch(model.loss_)
    return f"scikit-learn {sklearn.__version__}"
