"""The trials of a study compared: groups over seeds, the best, and the winner."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline.artifacts.metrics import Metrics
from pipeline.config.value_hints import as_yaml
from pipeline.studies.axes import Values
from pipeline.studies.reading import Study
from pipeline.studies.schema import SEED
from pipeline.studies.trial import Trial
from pipeline.tasks.task import Score


@dataclass(frozen=True)
class Group:
    """The trials that differ only in their seed; ``values`` are those of the other axes."""

    values: Values
    trials: tuple[Trial, ...]
    score: Score

    @property
    def is_complete(self) -> bool:
        """Whether every training led to a model."""
        return all(trial.status == "complete" for trial in self.trials)

    @property
    def scores(self) -> list[float]:
        """The validation scores of the trials that have one."""
        name = self.score.name
        return [trial.metrics[name] for trial in self.trials if name in trial.metrics]

    @property
    def mean(self) -> float | None:
        """The mean of the scores, if there are any."""
        return statistics.fmean(self.scores) if self.scores else None

    @property
    def spread(self) -> float | None:
        """The standard deviation of the scores over the seeds (n - 1), of at least two."""
        return statistics.stdev(self.scores) if len(self.scores) > 1 else None

    @property
    def best_trial(self) -> Trial | None:
        """The complete trial with the best score."""
        complete = [trial for trial in self.trials if trial.status == "complete"]
        return best(complete, self.score)


@dataclass(frozen=True)
class StudyResult:
    """All trials of a study in the order proposed; ``score`` is that of the validation set.

    ``test`` has the metrics of the test set for the trials of the winner only, by the fingerprint
    of ``train``: the validation set decides, the test set reports. ``folder`` is for documents.
    """

    study: Study
    folder: Path
    score: Score
    trials: tuple[Trial, ...]
    test: dict[str, Metrics]

    @cached_property
    def distinct_trials(self) -> list[Trial]:
        """The trials without those that a search proposed again: a training counts once."""
        return distinct(self.trials)

    @cached_property
    def groups(self) -> list[Group]:
        """The trials grouped over seeds, in the order of their first ones."""
        return group(self.trials, self.score)

    @cached_property
    def winner(self) -> Group | None:
        """The group with the best mean score; one in which a training failed only comes last."""
        return best_group(self.groups)

    @property
    def best_trial(self) -> Trial | None:
        """The trial of the winner with the best score."""
        return self.winner.best_trial if self.winner else None

    @cached_property
    def tuned_groups(self) -> list[Group]:
        """For each combination of the keys that are not tuned, the best group."""
        compared: dict[str, list[Group]] = {}
        for one in self.groups:
            compared.setdefault(key_of(one.values, self.study.tuned), []).append(one)
        return [best_group(groups) or groups[0] for groups in compared.values()]

    @cached_property
    def ranked_groups(self) -> list[Group]:
        """The best group of each combination, the winner first; those without a model come last."""
        of_all = {id(one): number for number, one in enumerate(self.groups)}
        ranks = [(_rank(one), of_all[id(one)], one) for one in self.tuned_groups]
        return [one for *_, one in sorted(ranks, key=lambda rank: rank[:2])]

    @cached_property
    def keys(self) -> list[str]:
        """The keys that trials have values of, in the order of the trials."""
        return list(dict.fromkeys(key for trial in self.trials for key in trial.values))

    @cached_property
    def compared_keys(self) -> list[str]:
        """The keys that are neither tuned nor the seed."""
        return [key for key in self.keys if key not in {*self.study.tuned, SEED}]

    @property
    def tuned_keys(self) -> list[str]:
        """The keys that are chosen anew for each combination of the compared ones."""
        return [key for key in self.keys if key in self.study.tuned and key != SEED]

    @property
    def test_scores(self) -> list[float]:
        """The scores on the test set of the trials of the winner that led to a model."""
        trials = self.winner.trials if self.winner else ()
        found = [self.test.get(trial.fingerprint) for trial in trials]
        return [metrics.scores[self.score.name] for metrics in found if metrics is not None]


def distinct(trials: Sequence[Trial]) -> list[Trial]:
    """Return one trial for all with the same values: a complete one if there is one."""
    found: dict[str, Trial] = {}
    for trial in trials:
        known = found.setdefault(key_of(trial.values, ()), trial)
        if known.status != "complete" and trial.status == "complete":
            found[key_of(trial.values, ())] = trial
    return list(found.values())


def group(trials: Sequence[Trial], score: Score) -> list[Group]:
    """Group trials that differ only in their seed."""
    found: dict[str, list[Trial]] = {}
    for trial in distinct(trials):
        found.setdefault(key_of(trial.values, (SEED,)), []).append(trial)
    return [Group(_without(same[0].values, (SEED,)), tuple(same), score) for same in found.values()]


def best_group(groups: Sequence[Group]) -> Group | None:
    """Return the complete group with the best mean, else the best of the others; the first wins."""
    for candidates in ([g for g in groups if g.is_complete], groups):
        rated = [(g.mean, g) for g in candidates if g.mean is not None and g.best_trial]
        if rated:
            sign = 1 if rated[0][1].score.is_error else -1
            return min(rated, key=lambda pair: sign * pair[0])[1]
    return None


def _rank(group: Group) -> tuple[bool, bool, float]:
    """Return what groups are sorted by: as ``best_group`` chooses, the smallest is the best."""
    sign = 1 if group.score.is_error else -1
    mean = math.inf if group.mean is None else sign * group.mean
    return (not group.is_complete, group.best_trial is None, mean)


def best(trials: Sequence[Trial], score: Score) -> Trial | None:
    """Return the trial with the best validation score, the first one in case of a tie."""
    sign = 1 if score.is_error else -1
    return min(trials, key=lambda trial: sign * trial.metrics[score.name], default=None)


def key_of(values: Values, without: Sequence[str]) -> str:
    """Return a text that is the same for equal values of the other keys."""
    return as_yaml(sorted(_without(values, without).items()))


def _without(values: Values, keys: Sequence[str]) -> Values:
    return {key: value for key, value in values.items() if key not in keys}
