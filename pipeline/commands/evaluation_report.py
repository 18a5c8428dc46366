"""What an evaluation says in words, and its page."""

from pipeline.commands.evaluation import Answer, Evaluation, worst
from pipeline.reporting.evaluation_page import EvaluationPage, Shown

MOST_SHOWN = 60


def sentence(evaluation: Evaluation) -> str:
    """Return the result in one sentence or two."""
    total = len(evaluation.answers)
    if not evaluation.class_names:
        return _sentence_of_values(evaluation)
    right = evaluation.counts["right"]
    share = f"{100 * evaluation.accuracy:.2f} % of {_pictures(total)}"
    text = f"{share} {'is' if total == 1 else 'are'} classified correctly ({right:,})."
    if all(answer.answer is None for answer in evaluation.answers):
        return f"{text} There are no answers."
    if evaluation.sure_accuracy is None:
        return f"{text} Every answer has a warning."
    answered, sure = len(evaluation.sure) / total, evaluation.sure_accuracy
    return (
        f"{text} {100 * answered:.2f} % are answered without a warning, and {100 * sure:.2f} % of "
        "these answers are right."
    )


def _sentence_of_values(evaluation: Evaluation) -> str:
    total, rmse = len(evaluation.answers), evaluation.rmse
    if rmse is None:
        return "No picture has an answer."
    missing = sum(answer.value is None for answer in evaluation.answers)
    note = f"; {missing:,} {'has' if missing == 1 else 'have'} no answer" if missing else ""
    return f"The RMSE is {rmse:.4f} on {_pictures(total - missing)}{note}."


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count:,} pictures"


def tiles(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Return the numbers at the top of the page, each with its name."""
    counts, total = evaluation.counts, len(evaluation.answers)
    if not evaluation.class_names:
        rmse = evaluation.rmse
        first = [("RMSE", "-" if rmse is None else f"{rmse:.4f}")]
    else:
        silent = len(evaluation.silent_mistakes)
        first = [
            ("accuracy", f"{100 * evaluation.accuracy:.2f} %"),
            ("wrong without a warning", f"{silent:,} ({100 * silent / total:.2f} %)"),
            ("with a warning", f"{evaluation.warned:,}"),
        ]
    return [
        *first,
        ("no answer", f"{counts['no answer']:,}"),
        ("unreadable", f"{counts['unreadable']:,}"),
        ("pictures", f"{total:,}"),
    ]


def page(evaluation: Evaluation) -> str:
    """Return the page, with the pictures to look at first."""
    changed = f", {evaluation.changes}" if evaluation.changes else ""
    return EvaluationPage(
        model=evaluation.model,
        source=evaluation.source + changed,
        sentence=sentence(evaluation),
        tiles=tiles(evaluation),
        class_names=evaluation.class_names,
        confusion=evaluation.confusion() if evaluation.class_names else [],
        reasons=evaluation.reasons(),
        warned=[_warned(answer) for answer in evaluation.doubtful[:MOST_SHOWN]],
        worst_title="Wrong without a warning" if evaluation.class_names else "Largest errors",
        worst=[_shown(answer, evaluation) for answer in worst(evaluation, MOST_SHOWN)],
        unreadable=[
            (a.name, a.reason or "") for a in evaluation.answers if a.outcome == "unreadable"
        ],
    ).html()


def _warned(answer: Answer) -> tuple[str, str, str, str]:
    said = f"{answer.value:.4f}" if answer.value is not None else answer.answer or "none"
    return answer.name, answer.label or "none", said, answer.reason or ""


def _shown(answer: Answer, evaluation: Evaluation) -> Shown:
    image = evaluation.image(answer.name)
    if answer.value is not None:
        return Shown(image, answer.name, f"{answer.label} → {answer.value:.4f}", answer.name)
    note = f"{100 * (answer.probability or 0):.1f} %, {answer.name}"
    return Shown(image, answer.name, f"{answer.label or 'none'} → {answer.answer}", note)
