"""Train with a method of SciPy: each iteration of it is an epoch of the training."""

import hashlib
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import OptimizeResult, minimize
from threadpoolctl import threadpool_limits

from pipeline.errors import TrainingDiverged, TrainingStalled
from pipeline.models.full_gradient import LBFGS, FullGradientMethod
from pipeline.progress import TrainingCost
from pipeline.training.compiled_program import EpochState
from pipeline.training.feed import Feed
from pipeline.training.fit import Fit
from pipeline.training.full_gradient.evaluation_log import EvaluationLog
from pipeline.training.full_gradient.loss import Evaluation, FullGradient, Vector
from pipeline.training.network_program import Result

_LINE_SEARCH_FAILED = 2  # status of both methods
_NOTHING = TrainingCost()


class Minimization:
    """Minimizes the loss of a program over all images of a feed.

    SciPy begins from the initial weights in a resumed training too: what was computed before is in
    the log, and the epochs that are complete are passed over.
    """

    def __init__(
        self, program: FullGradient, feed: Feed, method: FullGradientMethod, log: EvaluationLog
    ) -> None:
        """Begin from the current weights of the program's model."""
        self.program, self.feed, self.cost = program, feed, _NOTHING
        self._method, self._log = method, log
        self._shard = next(feed.shards(0, 0))
        self._iterate = program.weights  # the weights after the last iteration
        self._iterations = 0  # completed by SciPy in this process
        self._results: dict[bytes, Result] = {}  # of the weights tried in this iteration

    def train(self, fit: Fit) -> None:
        """Run the iterations, and leave the weights of the last one in the model.

        Raises:
            TrainingDiverged: the loss became infinite or not a number.
            TrainingStalled: not even the first iteration could be completed.
        """
        self._fit, self.cost = fit, _NOTHING
        # SciPy's dot products are short: more threads would gain nothing, and round differently.
        with threadpool_limits(1, user_api="blas"):
            ending = self._minimize()
        self.program.assign(self._iterate)
        if ending is None:
            return
        if not fit.position.epoch:
            raise TrainingStalled(
                f"Training {ending.verb} in its first iteration: {ending.reason}. Nothing was "
                f"published. {ending.advice}"
            )
        completed = f"{fit.position.epoch} of {fit.epochs}"
        fit.progress.notice(f"Training {ending.verb} after epoch {completed}: {ending.reason}.")

    def divergence(self, epoch: int) -> TrainingDiverged:
        """Return the error for a NaN or infinite loss in an iteration, counted from 0."""
        return TrainingDiverged(
            f"The loss became NaN or infinite in epoch {epoch + 1}, at gradient "
            f"{self.cost.gradients} of the training. Nothing was published. Try another "
            "train.seed or model.initializer, a larger model.l2, or an optimizer with a "
            "learning rate."
        )

    def _minimize(self) -> "_Ending | None":
        """Run SciPy; return why it ended, or None if the training is complete or was stopped."""
        try:
            found = minimize(
                self._evaluate,
                self._iterate,
                jac=True,
                method=self._method.scipy_name,
                callback=self._end_iteration,
                options={**self._method.options, "maxiter": self._fit.epochs},
            )
        except _LimitReached:
            gradients = f"{self.cost.gradients:,} gradients"
            limit = f"the limit optimizer.max_gradients, {gradients}, was reached"
            return _Ending("stopped", limit, "Set a larger optimizer.max_gradients.")
        return self._ending(found) if self._fit.continues else None

    def _evaluate(self, weights: Vector) -> tuple[float, Vector]:
        """Return the loss and the gradient of these weights (weights,)."""
        if self.cost.gradients == self._method.max_gradients:
            raise _LimitReached
        is_new = self._iterations == self._fit.position.epoch
        if is_new and not self._results:
            self._fit.begin_epoch()
        found = self._log.find(weights) or self._compute(weights)
        self.cost += TrainingCost(found.seconds, 1, self.feed.num_images)
        if not (math.isfinite(found.loss) and np.isfinite(found.gradient).all()):
            raise self.divergence(self._iterations)
        result = self.program.means(found.loss, found.metric_sums, self.feed.num_images)
        self._results[_key(weights)] = result
        if is_new:
            tried = len(self._results)
            self._fit.progressed(EpochState(step=tried), result, tried / (tried + 1))
        else:
            self._fit.check_interruption()
        return found.loss, found.gradient

    def _compute(self, weights: Vector) -> Evaluation:
        evaluation = self.program.run(self._shard, weights)
        self._log.append(weights, evaluation)
        return evaluation

    def _end_iteration(self, weights: Vector) -> None:
        """Complete an epoch with the weights (weights,) of an iteration.

        Raises:
            StopIteration: the training ends with it.
        """
        result = self._results[_key(weights)]  # both methods evaluate a step before they accept it
        self._results.clear()
        self._iterations += 1
        self._iterate = weights.copy()
        completed = self._fit.position
        if self._iterations <= completed.epoch:  # before the interruption
            self.cost = completed.costs[self._iterations - 1]
            return
        self.program.assign(weights)  # the last step that was tried may be another one
        self._fit.end_epoch(result)
        if not self._fit.continues:
            raise StopIteration

    def _ending(self, found: OptimizeResult) -> "_Ending":
        method = self._method
        if found.status == _LINE_SEARCH_FAILED:
            reason = (
                "the line search found no smaller loss. The weights of the last iteration are "
                "kept; near a minimum, a step changes the loss by less than its rounding error"
            )
            return _Ending("stopped", reason)
        if isinstance(method, LBFGS) and _largest(found.jac) > method.gtol:
            decrease = (
                f"the relative decrease of the loss was at most optimizer.ftol, {method.ftol:.3g}"
            )
            return _Ending("converged", decrease)
        largest = f"no component of the gradient is larger than optimizer.gtol, {method.gtol:g}"
        return _Ending("converged", largest, "Set a smaller optimizer.gtol.")


class _Ending(NamedTuple):
    """How SciPy ended the training before its last epoch, and what to do if it was the first."""

    verb: str
    reason: str
    advice: str = "Try another train.seed, model.initializer or optimizer."


class _LimitReached(Exception):
    """As many gradients were computed as the configuration allows."""


def _key(weights: Vector) -> bytes:
    return hashlib.blake2b(weights.tobytes(), digest_size=16).digest()


def _largest(gradient: npt.NDArray[np.float64]) -> float:
    return float(np.abs(gradient).max())
