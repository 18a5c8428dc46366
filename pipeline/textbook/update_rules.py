"""Update rules of first-order optimizers: one step from weights W and gradient G.

Each rule takes the weights, the gradient and its state, and returns the new weights and state. The
state is zero (for AdaGrad in Keras 0.1) before the first step.
"""

from collections.abc import Sequence

import numpy as np

from pipeline.textbook.activations import Array

State = Sequence[Array]


def sgd(w: Array, g: Array, state: State, *, rate: float) -> tuple[Array, State]:
    """W <- W - alpha G."""
    return w - rate * g, state


def momentum(w: Array, g: Array, state: State, *, rate: float, beta: float) -> tuple[Array, State]:
    """V <- beta V + G, W <- W - alpha V, as in the lecture."""
    [v] = state
    v = beta * v + g
    return w - rate * v, [v]


def keras_momentum(
    w: Array, g: Array, state: State, *, rate: float, beta: float
) -> tuple[Array, State]:
    """V <- beta V - alpha G, W <- W + V, as in Keras.

    V is -alpha times the lecture's, so both give the same weights while alpha is constant. If a
    schedule changes alpha, Keras' V still contains the earlier ones.
    """
    [v] = state
    v = beta * v - rate * g
    return w + v, [v]


def nesterov(w: Array, g: Array, state: State, *, rate: float, beta: float) -> tuple[Array, State]:
    """V <- beta V - alpha G, W <- W + beta V - alpha G (Sutskever et al. 2013, as in Keras)."""
    [v] = state
    v = beta * v - rate * g
    return w + beta * v - rate * g, [v]


def adagrad(
    w: Array, g: Array, state: State, *, rate: float, epsilon: float
) -> tuple[Array, State]:
    """S <- S + G^2, W <- W - alpha G / sqrt(S + epsilon) (Duchi et al. 2011, as in Keras)."""
    [s] = state
    s = s + g**2
    return w - rate * g / np.sqrt(s + epsilon), [s]


def rmsprop(
    w: Array, g: Array, state: State, *, rate: float, rho: float, epsilon: float
) -> tuple[Array, State]:
    """S <- rho S + (1 - rho) G^2, W <- W - alpha G / sqrt(S + epsilon) (Hinton 2012)."""
    [s] = state
    s = rho * s + (1 - rho) * g**2
    return w - rate * g / np.sqrt(s + epsilon), [s]


def adam(
    w: Array,
    g: Array,
    state: State,
    *,
    rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    step: int,
) -> tuple[Array, State]:
    """M <- b1 M + (1 - b1) G, S <- b2 S + (1 - b2) G^2, and a step with corrected averages.

    W <- W - alpha sqrt(1 - b2^t) / (1 - b1^t) M / (sqrt(S) + epsilon) at step t = 1, 2, ...: the
    efficient form of Kingma and Ba (2015), section 2, which Keras uses. Its epsilon is
    sqrt(1 - b2^t) times that of their algorithm 1.
    """
    m, s = state
    m = beta_1 * m + (1 - beta_1) * g
    s = beta_2 * s + (1 - beta_2) * g**2
    corrected = rate * np.sqrt(1 - beta_2**step) / (1 - beta_1**step)
    return w - corrected * m / (np.sqrt(s) + epsilon), [m, s]
