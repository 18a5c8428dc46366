"""The exported files: their parity with the trained model, and their speed, in every runtime."""

from html import escape

from pipeline.artifacts.checks import Check
from pipeline.reporting.html import paragraph, section, table
from pipeline.reporting.numbers import MISSING, Numbers
from pipeline.reporting.subject import Subject, spec_of, title


def files(subject: Subject) -> str:
    """Return a row for each file in each runtime; empty before ``verify`` has run."""
    verified = subject.run.verify
    if verified is None:
        return ""
    numbers = subject.numbers.at("verify", "facts", "checks")
    ran = [(n, check) for n, check in enumerate(verified.facts.checks) if check.ran]
    absent = sorted({check.runtime for check in verified.facts.checks if not check.ran})
    head = ["file", "runtime", "result", "largest difference", "allowed"]
    head += [title(ran[0][1].score_name), "load, s", "1 image, µs", "in 256, µs", "MB"]
    rows = [_row(numbers.at(n), check) for n, check in ran]
    text = (
        "Every file was opened in a fresh process and compared with the trained model on the whole "
        "test set. Times are medians per image, alone and in batches, on the machine of the run; "
        "MB is the peak memory."
    )
    missing = f"Not run, since not installed: {escape(', '.join(absent))}." if absent else ""
    return section(
        "files", "Files", paragraph(text), table("Files by runtime", head, rows, texts=3),
        paragraph(missing) if missing else "",
    )  # fmt: skip


def _row(numbers: Numbers, check: Check) -> list[str]:
    cost = check.cost is not None
    batches = check.cost.time_per_image if check.cost else {}
    return [
        escape(check.artifact),
        escape(check.runtime),
        _result(check),
        numbers.show("max_abs_diff", spec=".1e"),
        numbers.show("allowed_diff", spec=".1e"),
        numbers.show("score", spec=spec_of(check.score_name)),
        numbers.show_time("cost", "load_seconds", spec=".2f") if cost else MISSING,
        *(_microseconds(numbers, size) if size in batches else MISSING for size in (1, 256)),
        numbers.show_time("cost", "peak_memory_bytes", spec="MB") if cost else MISSING,
    ]


def _microseconds(numbers: Numbers, size: int) -> str:
    return numbers.show_time("cost", "time_per_image", size, "median_seconds", spec="µs")


def _result(check: Check) -> str:
    if check.is_reference:
        return "reference"
    if check.failures:
        return f'<span class="failed">✗ {escape("; ".join(check.failures))}</span>'
    return '<span class="passed">✓ passed</span>'
