"""Trials compared: groups over seeds, the winner, tuned keys, budgets."""

from pathlib import Path

from pipeline.progress import TrainingCost
from pipeline.studies.budget import is_used_up, within
from pipeline.studies.importance import importances
from pipeline.studies.results import StudyResult, best_group, group
from pipeline.studies.schema import Budget
from pipeline.studies.trial import Status, Trial
from pipeline.tasks.task import Score
from tests.studies.test_reading import study_of

ACCURACY, RMSE = Score("accuracy"), Score("rmse", is_error=True)
RATE, SEED, SIZE = "optimizer.learning_rate", "train.seed", "train.batch_size"


def trial(
    score: float | None, status: Status = "complete", epochs: int = 2, **values: object
) -> Trial:
    keys = {"rate": RATE, "seed": SEED, "size": SIZE}
    metrics = {} if score is None else {"loss": 1.0, "accuracy": score, "rmse": score}
    costs = tuple(TrainingCost(0.5 * n, 10 * n, 640 * n) for n in range(1, epochs + 1))
    history = tuple({"val_accuracy": 0.5} for _ in costs)
    named = {keys[name]: value for name, value in values.items()}
    return Trial(named, status, metrics, "f" * 16, history, costs)


def test_trials_that_differ_in_the_seed_are_one_group() -> None:
    trials = [trial(0.9, rate=1, seed=0), trial(0.7, rate=1, seed=1), trial(0.85, rate=2, seed=0)]
    first, second = group(trials, ACCURACY)
    assert (first.values, first.mean, second.mean) == ({RATE: 1}, 0.8, 0.85)
    assert round(first.spread or 0, 4) == 0.1414
    assert second.spread is None
    assert best_group([first, second]) is second  # by the mean, not by the best seed
    assert best_group(group(trials, RMSE)) == group(trials, RMSE)[0]


def test_trials_that_a_search_proposed_again_count_once(tmp_path: Path) -> None:
    trials = [trial(0.9, rate=1, seed=0), trial(0.8, rate=1, seed=1), trial(0.9, rate=1, seed=0)]
    [found] = group(trials, ACCURACY)
    assert (len(found.trials), found.scores) == (2, [0.9, 0.8])
    again = [trial(0.6, "pruned", rate=1), trial(0.9, rate=1), trial(0.6, "pruned", rate=1)]
    [found] = group(again, ACCURACY)
    assert (found.is_complete, found.scores, found.spread) == (True, [0.9], None)
    result = StudyResult(study_of(tmp_path), tmp_path, ACCURACY, tuple(trials), {})
    [seeds] = importances(result)
    assert seeds.share is None  # each seed was tried once


def test_values_that_are_equal_in_python_are_different_groups() -> None:
    trials = [trial(0.9, size=1), trial(0.8, size=True), trial(0.7, size="1")]
    assert len(group(trials, ACCURACY)) == 3


def test_group_with_a_failed_training_wins_only_if_all_failed_somewhere() -> None:
    failed = [trial(0.99, rate=1, seed=0), trial(None, "diverged", rate=1, seed=1)]
    sound = [trial(0.5, rate=2, seed=0), trial(0.5, rate=2, seed=1)]
    winner = best_group(group([*failed, *sound], ACCURACY))
    assert winner is not None
    assert winner.values == {RATE: 2}
    winner = best_group(group(failed, ACCURACY))
    assert winner is not None
    assert winner.best_trial is failed[0]
    assert best_group(group(failed[1:], ACCURACY)) is None


def test_pruned_trial_is_never_the_best() -> None:
    trials = [trial(0.99, "pruned", rate=1), trial(0.5, rate=2)]
    winner = best_group(group(trials, ACCURACY))
    assert winner is not None
    assert winner.values == {RATE: 2}


def test_first_of_equal_groups_wins() -> None:
    winner = best_group(group([trial(0.5, rate=1), trial(0.5, rate=2)], ACCURACY))
    assert winner is not None
    assert winner.values == {RATE: 1}


def test_tuned_keys_are_chosen_for_each_combination_of_the_others(tmp_path: Path) -> None:
    study = study_of(tmp_path, "tuned: [optimizer.learning_rate]", "threads: 1")
    scores = {(1, 16): 0.7, (2, 16): 0.9, (1, 64): 0.8, (2, 64): 0.6}
    trials = tuple(trial(value, rate=r, size=s) for (r, s), value in scores.items())
    result = StudyResult(study, tmp_path, ACCURACY, trials, {})
    chosen = [(one.values[SIZE], one.values[RATE]) for one in result.tuned_groups]
    assert chosen == [(16, 2), (64, 1)]


def test_no_trial_begins_once_the_budget_is_used_up() -> None:
    trials = [trial(0.5, rate=n) for n in range(4)]  # 2 epochs and 1,280 images each
    assert not is_used_up(Budget(epochs=5), trials[:2])
    assert is_used_up(Budget(epochs=5), trials[:3])
    assert is_used_up(Budget(images=1280), trials[:1])
    assert not is_used_up(Budget(), trials)
    assert len(within(Budget(trials=2), trials)) == 2
    assert len(within(Budget(epochs=5), trials)) == 3
    assert len(within(Budget(), trials)) == 4
