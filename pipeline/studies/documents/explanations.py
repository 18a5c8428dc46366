"""What the numbers of a study mean, in one sentence each, for the Markdown and the page."""

from pipeline.studies.documents.texts import Labels, plural
from pipeline.studies.results import StudyResult
from pipeline.studies.target import is_measured, to_target
from pipeline.studies.tuning import at_the_edge

_MAX_NAMES = 4

COSTS = (
    "Epochs, gradients, images and seconds are means over the trials of a combination. A gradient "
    "is that of the loss of one batch, and images count each time a gradient is computed from "
    "them. Seconds are those inside training steps, without validation and compilation; they alone "
    "differ between two runs of the study."
)
DIFFERENCES = (
    "The mean validation {score} of each combination minus that of the first values of all axes. A "
    "difference that is no larger than the standard deviation over the seeds may be chance."
)
COMMAND = "This command runs the best seed of the winner again, and publishes the network:"
IMPORTANCE = (
    "The share of the variance of the validation {score} that the values of an axis explain on "
    "their own (eta squared), over all complete trials. It depends on the values that were "
    "tried, does not count interactions of axes, and is too large where there are few trials for "
    "each value. An axis that only some trials have also shows the difference to the others."
)


def combinations(result: StudyResult) -> str:
    """Return what a row of the combinations is, and how the winner is chosen."""
    tuned = result.tuned_keys
    chosen = (
        f" For each combination of the other keys, {_and(tuned)} "
        f"{'is' if len(tuned) == 1 else 'are'} chosen by the mean validation "
        f"{result.score.title} over the seeds."
        if tuned
        else ""
    )
    if result.study.varies_one_at_a_time:
        chosen = (
            " One axis at a time is varied, so a combination is named after what differs from the "
            "first values of all axes."
        )
    spread = " ± is the standard deviation over the seeds." if _has_spread(result) else ""
    better = "lower" if result.score.is_error else "higher"
    return (
        f"The best combination is first; a {better} validation {result.score.title} is better, "
        f"and combinations with a failed training come last.{chosen}{spread}"
    )


def edges(result: StudyResult) -> list[str]:
    """Return a sentence for each tuned key whose best value is at an end of those tried."""
    labels = Labels(result)
    found = {key: at_the_edge(result, key) for key in result.tuned_keys}
    return [
        f"The best {key} is the smallest or largest that was tried for "
        f"{_shortened([labels.of(group) for group in groups])}: a better one may be outside of "
        "the values tried."
        for key, groups in found.items()
        if groups
    ]


def target(result: StudyResult, value: float) -> str:
    """Return what the costs to the target are, or why there are none."""
    title = result.score.title
    if not is_measured(result.trials, result.score):
        return f"The {title} is not measured after each epoch, so these costs are unknown."
    direction = "at most" if result.score.is_error else "at least"
    groups = result.ranked_groups
    missed = sum(not to_target(group, value).num_reached for group in groups)
    return (
        f"The work up to the end of the first epoch with a validation {title} of {direction} "
        f"{value:g}: means over the seeds that reach it."
        + (f" {missed} of {plural(len(groups), 'combination')} never reach it." if missed else "")
    )


def _has_spread(result: StudyResult) -> bool:
    return any(group.spread is not None for group in result.ranked_groups)


def _shortened(names: list[str]) -> str:
    if len(names) <= _MAX_NAMES:
        return "; ".join(names)
    return f"{'; '.join(names[:_MAX_NAMES])}; and {len(names) - _MAX_NAMES} more combinations"


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
