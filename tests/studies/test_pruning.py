"""Pruners: the answers to a training that continues, and trials that are known from the start."""

from pathlib import Path

from pipeline.studies.points import points
from pipeline.studies.search.opening import open_search
from tests.studies.test_reading import study_of
from tests.studies.test_results import ACCURACY, trial


def test_training_that_continues_gets_the_same_answers(tmp_path: Path) -> None:
    search = open_search(
        study_of(tmp_path, "pruner: {name: median, n_startup_trials: 1, n_warmup_steps: 2}"),
        ACCURACY,
    )
    good, bad = search.propose(), search.propose()
    assert good
    assert bad
    assert not good.should_prune(1, 0.9)
    assert not good.should_prune(2, 0.9)
    search.tell(good, trial(0.9))
    assert not bad.should_prune(1, 0.5)
    assert bad.should_prune(2, 0.5)
    # The process ends before this outcome is stored; the next one reports the same epochs.
    assert not bad.should_prune(1, 0.5)
    assert bad.should_prune(2, 0.5)


def test_pruner_gets_the_trials_of_one_at_a_time(tmp_path: Path) -> None:
    lines = "search: one_at_a_time", "pruner: {name: median}"
    study = study_of(tmp_path, *lines)
    search, found = open_search(study, ACCURACY), []
    while (proposal := search.propose()) is not None:
        found.append(proposal.values)
        search.tell(proposal, trial(0.9))
    assert found == list(points("one_at_a_time", study.axes))
    assert len(found) == 6
