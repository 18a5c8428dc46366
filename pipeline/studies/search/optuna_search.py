"""Search with a sampler and a pruner of Optuna.

Optuna is used without its storage: all that a search depends on is the study and the results of
earlier trials, so a study that is run again proposes the same trials.
"""

import math
from typing import Any

import optuna

from pipeline.studies.axes import Axis, Choice, Range, Values, choose
from pipeline.studies.points import LISTED, points
from pipeline.studies.reading import Study
from pipeline.studies.search.optuna_classes import build_pruner, build_sampler
from pipeline.studies.search.search import Proposal, Search
from pipeline.studies.trial import Trial
from pipeline.tasks.task import Score


class OptunaSearch(Search):
    """Trials proposed by a sampler, or known from the start, pruned by a pruner."""

    def __init__(self, study: Study, score: Score) -> None:
        """Create the sampler and the pruner.

        Raises:
            ConfigError: Optuna does not know a name or an argument.
        """
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        name = study.settings.search.name
        self._axes, self._score = study.axes, score
        self._points = points(name, study.axes) if name in LISTED else None
        self._study = optuna.create_study(
            study_name=study.name,  # Hyperband assigns trials to brackets by it
            direction="minimize" if score.is_error else "maximize",
            sampler=None if self._points else build_sampler(study),
            pruner=build_pruner(study),
        )

    def propose(self) -> Proposal | None:
        """Return the next trial."""
        if self._points is None:
            trial = self._study.ask()
            return _OptunaProposal(trial, choose(self._axes, _Suggestions(trial)))
        values = next(self._points, None)
        return None if values is None else _OptunaProposal(self._study.ask(), values)

    def tell(self, proposal: Proposal, trial: Trial) -> None:
        """Tell Optuna the validation score; that of a failed training is the worst possible."""
        assert isinstance(proposal, _OptunaProposal)
        states = optuna.trial.TrialState
        if trial.status == "pruned":
            self._study.tell(proposal.trial, state=states.PRUNED)
            return
        worst = math.inf if self._score.is_error else 0.0
        self._study.tell(proposal.trial, trial.metrics.get(self._score.name, worst))


class _OptunaProposal(Proposal):
    def __init__(self, trial: optuna.Trial, values: Values) -> None:
        super().__init__(values)
        self.trial, self._answers = trial, [False]

    def should_prune(self, epoch: int, score: float) -> bool:
        if epoch < len(self._answers):  # a training that continues reports earlier epochs again
            return self._answers[epoch]
        self.trial.report(score, epoch)
        self._answers.append(bool(self.trial.should_prune()))
        return self._answers[epoch]


class _Suggestions:
    """Chooses values as a sampler suggests them."""

    def __init__(self, trial: optuna.Trial) -> None:
        self._trial = trial

    def number(self, axis: Axis, values: Range) -> float:
        limits: Any = {"low": values.low, "high": values.high, "log": values.log}
        if isinstance(values.low, int) and isinstance(values.high, int):
            return self._trial.suggest_int(axis.name, step=int(values.step or 1), **limits)
        return self._trial.suggest_float(axis.name, step=values.step, **limits)

    def choice(self, axis: Axis, values: tuple[Choice, ...]) -> Choice:
        # Positions, because Optuna's categories cannot be lists or mappings.
        return values[self._trial.suggest_categorical(axis.name, range(len(values)))]
