"""What ``pipeline evaluate`` prints."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from pipeline.errors import RequestError
from pipeline.terminal.layout import new_table, print_line, print_table

if TYPE_CHECKING:
    from pipeline.commands.evaluation import Answer, Evaluation

_MOST = 10  # pictures in the terminal


def changes(text: str | None) -> dict[str, float]:
    """Parse ``NAME=STRENGTH,...``.

    Raises:
        RequestError: it has another form.
    """
    found = {}
    for part in text.split(",") if text else []:
        name, _, strength = part.partition("=")
        if name.strip() in found:
            raise RequestError(f"--augment must name each change once; got {text!r}.")
        try:
            found[name.strip()] = float(strength)
        except ValueError:
            raise RequestError(
                "--augment must be NAME=STRENGTH,... with numbers, as in shift=2,rotate=15; got "
                f"{part!r}."
            ) from None
    return found


def print_evaluation(evaluation: "Evaluation", html: Path | None) -> None:
    """Print the result, the warnings, and the pictures to look at first."""
    from pipeline.commands.evaluation import worst
    from pipeline.commands.evaluation_report import sentence

    print_line(escape(sentence(evaluation)))
    for reason, count in evaluation.reasons():
        print_line(escape(f"Warning for {count:,} of them: {reason}"))
    first = worst(evaluation, _MOST)
    if first:
        head = "wrong without a warning" if evaluation.class_names else "largest errors"
        table = new_table(head, "label", "answer", "probability")
        for answer in first:
            table.add_row(*map(escape, (answer.name, answer.label or "none", *_answer(answer))))
        print_table(table)
        hidden = len(evaluation.silent_mistakes) - len(first)
        if evaluation.class_names and hidden > 0:
            print_line(f"and {hidden:,} more (--html FILE shows them as pictures, --json all).")
    for answer in evaluation.answers:
        if answer.outcome == "unreadable":
            print_line(f"[yellow]![/] {escape(answer.reason or '')}")
    if html:
        print_line(f"Page: [bold]{escape(str(html))}[/]")


def _answer(answer: "Answer") -> tuple[str, str]:
    if answer.value is not None:
        return f"{answer.value:.4f}", ""
    return answer.answer or "", f"{answer.probability or 0:.4f}"


def document(evaluation: "Evaluation") -> dict[str, Any]:
    """Return the document of ``pipeline evaluate --json``."""
    return {
        "model": evaluation.model,
        "source": evaluation.source,
        "changes": evaluation.changes or None,
        "pictures": len(evaluation.answers),
        "counts": evaluation.counts,
        "accuracy": evaluation.accuracy if evaluation.class_names else None,
        "rmse": evaluation.rmse,
        "answered_without_warning": len(evaluation.sure),
        "accuracy_without_warning": evaluation.sure_accuracy if evaluation.class_names else None,
        "class_names": list(evaluation.class_names),
        "confusion": evaluation.confusion() if evaluation.class_names else None,
        "answers": [asdict(answer) for answer in evaluation.answers],
    }
