"""Compare the update rules of the textbook with the optimizers of Keras, in float64."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np

from pipeline.gradcheck.report import Measured, UpdateRow
from pipeline.textbook import update_rules as rules
from pipeline.textbook.activations import Array

_STEPS = 3
_RATE, _BETA = 0.125, 0.5  # exact in float32, as which Keras stores the rate
_TOLERANCE = 1e-6  # of the norm of the weights' change
_WEIGHTS = np.array([0.5, -1.0, 2.0, 0.0])
_GRADIENTS = np.array([[1.0, -0.5, 0.25, 0.0], [0.5, 0.5, -1.0, 2.0], [-1.0, 0.25, 0.125, 1.0]])

Rule = Callable[..., tuple[Array, rules.State]]


@dataclass(frozen=True)
class _Case:
    name: str
    formula: str
    rule: Rule
    state: Sequence[float]
    optimizer: Callable[[], keras.optimizers.Optimizer]
    convention: str = ""


def _momentum(**arguments: Any) -> keras.optimizers.Optimizer:
    return keras.optimizers.SGD(_RATE, momentum=_BETA, **arguments)


_CASES = (
    _Case("SGD", "W <- W - a G", partial(rules.sgd, rate=_RATE), (),
          lambda: keras.optimizers.SGD(_RATE)),
    _Case("momentum, lecture", "V <- b V + G, W <- W - a V",
          partial(rules.momentum, rate=_RATE, beta=_BETA), (0.0,), _momentum,
          "V of Keras is -a times the lecture's; the weights differ once a schedule changes a"),
    _Case("momentum, Keras", "V <- b V - a G, W <- W + V",
          partial(rules.keras_momentum, rate=_RATE, beta=_BETA), (0.0,), _momentum),
    _Case("Nesterov", "V <- b V - a G, W <- W + b V - a G",
          partial(rules.nesterov, rate=_RATE, beta=_BETA), (0.0,),
          lambda: _momentum(nesterov=True)),
    _Case("AdaGrad", "S <- S + G^2, W <- W - a G / sqrt(S + e)",
          partial(rules.adagrad, rate=_RATE, epsilon=1e-7), (0.1,),
          lambda: keras.optimizers.Adagrad(_RATE),
          "Keras begins with S = 0.1, Duchi et al. with 0"),
    _Case("RMSprop", "S <- r S + (1 - r) G^2, W <- W - a G / sqrt(S + e)",
          partial(rules.rmsprop, rate=_RATE, rho=_BETA, epsilon=1e-7), (0.0,),
          lambda: keras.optimizers.RMSprop(_RATE, rho=_BETA),
          "Keras adds e inside the root, PyTorch outside"),
    _Case("Adam",
          "M <- b1 M + (1 - b1) G, S <- b2 S + (1 - b2) G^2, W <- W - a_t M / (sqrt(S) + e)",
          partial(rules.adam, rate=_RATE, beta_1=_BETA, beta_2=0.75, epsilon=1e-7), (0.0, 0.0),
          lambda: keras.optimizers.Adam(_RATE, beta_1=_BETA, beta_2=0.75),
          "a_t = a sqrt(1 - b2^t) / (1 - b1^t): e is not corrected, as in section 2 of the paper"),
)  # fmt: skip


def check_updates() -> list[UpdateRow]:
    """Return a row for each update rule of the lecture, after three steps."""
    return [_check(case) for case in _CASES]


def _check(case: _Case) -> UpdateRow:
    by_hand = _steps_by_hand(case)
    by_keras = _steps_of(case.optimizer())
    change = float(np.linalg.norm(by_hand - _WEIGHTS))
    difference = float(np.linalg.norm(by_hand - by_keras))
    measured = Measured(difference, _TOLERANCE * change)
    return UpdateRow(case.name, case.formula, _STEPS, measured, case.convention)


def _steps_by_hand(case: _Case) -> Array:
    weights = _WEIGHTS
    state: rules.State = [np.full_like(weights, value) for value in case.state]
    for step, gradient in enumerate(_GRADIENTS, start=1):
        counted = {"step": step} if case.name == "Adam" else {}
        weights, state = case.rule(weights, gradient, state, **counted)
    return weights


def _steps_of(optimizer: keras.optimizers.Optimizer) -> Array:
    variable = keras.Variable(_WEIGHTS, dtype="float64")
    optimizer.build([variable])
    for gradient in _GRADIENTS:
        optimizer.apply([keras.ops.convert_to_tensor(gradient, "float64")], [variable])
    return np.asarray(keras.ops.convert_to_numpy(variable), np.float64)
