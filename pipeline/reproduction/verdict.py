"""What a comparison means: reproduced, within the bound on other machines or versions, or not."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pipeline.reproduction.files import Answers, FileComparison
from pipeline.reproduction.links import NOT_COMPARED, Link
from pipeline.reproduction.metrics import MetricChange
from pipeline.reproduction.weights import WeightsComparison

Outcome = Literal["identical", "same weights", "within the bound", "different"]
# The measurements that these are chosen by are in docs/operations.md.
MAX_LABELS = 0.4  # labels that differ, of the number of misclassified test images
MAX_ERROR = 0.4  # root mean square of the differences between numbers, of the RMSE
MAX_SCORE = 1.0  # percentage points of a share, percent of an error


@dataclass(frozen=True)
class Compared:
    """All that was compared; without ``weights``, the run ended when the data was found to differ.

    ``images`` is the number of test images. ``metrics`` has the quality on each split.
    """

    name: str
    images: int
    data: Link
    machine: Link
    code: Link = NOT_COMPARED
    packages: Link = NOT_COMPARED
    weights: WeightsComparison | None = None
    files: tuple[FileComparison, ...] = ()
    metrics: tuple[MetricChange, ...] = ()

    @property
    def answers(self) -> Answers | None:
        """The largest differences of the answers of all float32 files."""
        found = [file.answers for file in self.files if file.answers and not file.is_copy]
        return max(found, key=_size, default=None)


@dataclass(frozen=True)
class Verdict:
    """The outcome, and one sentence about it."""

    outcome: Outcome
    sentence: str

    @property
    def reproduced(self) -> bool:
        """Whether the second run gave the published model, within the bound."""
        return self.outcome != "different"


def judge(compared: Compared) -> Verdict:
    """Return the verdict on a second run."""
    name, weights = compared.name, compared.weights
    if compared.data.status == "differs" or weights is None:
        return Verdict("different", f"{name} was not reproduced: {_data(compared.data)}")
    metrics = list(_other_metrics(compared))
    if weights.same and not metrics and all(file.is_same for file in compared.files):
        return Verdict("identical", f"{name} was reproduced bit for bit{_nature(compared.files)}.")
    problems = [*_unexplained(compared, weights), *metrics]
    if problems:
        more = f" {_quantified(compared, weights)}"
        return Verdict("different", f"{name} was not reproduced: {problems[0]}.{more}")
    other = _others(compared)
    reason = f" This run used {other}." if other else ""
    alike = all(file.is_same or file.status.startswith("same") for file in compared.files)
    if weights.same and alike:
        changed = _names(file for file in compared.files if not file.is_same)
        text = "the weights are the same, bit for bit, and so are all answers; the bytes of"
        sentence = f"{name} was reproduced: {text} {changed} differ.{reason}"
        return Verdict("same weights", sentence)
    found = f"{name} was reproduced within the bound: the same data{_code(compared.code)}."
    return Verdict("within the bound", f"{found} {_quantified(compared, weights)}{reason}")


def _other_metrics(compared: Compared) -> Iterator[str]:
    """Yield the metrics of the manifest that no machine and no version explains."""
    for change in compared.metrics:
        if not abs(change.worsening) <= MAX_SCORE:
            yield (
                f"the manifest has {change.score} {change.then:.4f} on the {change.split} set, and "
                f"this run {change.now:.4f}"
            )


def _unexplained(compared: Compared, weights: WeightsComparison) -> Iterator[str]:
    """Yield which differences contradict the manifest, have no reason, or are too large."""
    if weights.contradictory:
        yield (
            "the published model.keras does not have the weights whose SHA-256 is in its manifest"
        )
    elif weights.now is None and not weights.same:
        yield "the network has a structure whose weights cannot be compared"
    elif not weights.same and not _others(compared):
        yield "the weights differ, although code, packages and machine are the same"
    for file in compared.files:
        problem = None if file.is_same else _problem(file, compared, weights)
        if problem:
            yield problem


def _problem(file: FileComparison, compared: Compared, weights: WeightsComparison) -> str | None:
    if file.problem:
        return f"{file.name} was not compared: {file.problem}"
    if file.answers is None:
        return f"{file.name} has answers of another shape"
    if weights.same and compared.code.status == compared.packages.status == "same":
        return f"{file.name} differs, although weights, code and packages are the same"
    if not _within(file.answers, compared):
        return f"the answers of {file.name} differ by more than the bound"
    return None


def _within(answers: Answers, compared: Compared) -> bool:
    if answers.largest is None or answers.root_mean_square is None:
        return False
    score = next((change.now for change in compared.metrics if change.split == "test"), None)
    if score is None:
        return False
    if answers.labels is not None:  # the score is the accuracy
        return answers.labels <= MAX_LABELS * (1 - score) * compared.images
    return answers.root_mean_square <= MAX_ERROR * score


def _quantified(compared: Compared, weights: WeightsComparison) -> str:
    parts = [_weights(weights), *_answers(compared, verb=_verb(weights))]
    *others, last = parts
    text = f"{', '.join(others)}, and {last}" if others else last
    return f"{text[0].upper()}{text[1:]}."


def _weights(weights: WeightsComparison) -> str:
    if weights.same:
        return "the weights are the same, bit for bit"
    if weights.largest_difference is None:
        return "the weights have other shapes, or cannot be compared"
    return f"weights differ by at most {weights.largest_difference:.2g}"


def _verb(weights: WeightsComparison) -> str:
    """Return the verb of the answers, unless that of the weights is also theirs."""
    return "differ " if weights.same or weights.largest_difference is None else ""


def _answers(compared: Compared, verb: str) -> Iterator[str]:
    answers = compared.answers
    if answers is None:
        return
    if answers.same:
        yield "all answers are the same"
        return
    if answers.largest is None:
        yield "some answers differ infinitely or are not numbers"
    else:
        yield f"answers {verb}by at most {answers.largest:.2g}"
    if answers.labels is not None:
        yield f"{answers.labels:,} of {compared.images:,} labels differ"


def _data(link: Link) -> str:
    counts = [change for change in link.changes if change.name.endswith("images")]
    listed = ", ".join(f"{c.now} {c.name} instead of {c.then}" for c in counts)
    files = ", ".join(change.name for change in link.changes if change not in counts)
    more = f" ({listed})" if listed else ""
    return (
        f"the data differs in {files}{more}. The training was not run. Provide the data that "
        "the version was published with; pipeline doctor shows which data is available."
    )


def _code(link: Link) -> str:
    return " and code" if link.status == "same" else ""


def _others(compared: Compared) -> str:
    """Return what was not the same, as part of a sentence."""
    machine = {change.name for change in compared.machine.changes}
    is_processor = machine & {"architecture", "processor", "instructions"}
    parts = ["another processor"] if is_processor else []
    parts += ["another number of processors"] if "processors" in machine else []
    parts += ["another system or Python"] if machine & {"system", "python"} else []
    parts += ["other package versions"] if compared.packages.status == "differs" else []
    parts += ["other code"] if compared.code.status == "differs" else []
    parts += ["a machine that the manifest does not describe"] * (
        compared.machine.status == "not recorded"
    )
    return ", ".join(parts)


def _nature(files: tuple[FileComparison, ...]) -> str:
    changed = [file for file in files if file.status != "identical"]
    if not changed:
        return ""
    verb = "have" if len(changed) > 1 else "has"
    return (
        f"; {_names(changed)}, whose bytes differ in every export, {verb} the same weights and "
        "answers"
    )


def _names(files: Iterable[FileComparison]) -> str:
    *others, last = (file.name for file in files)
    return f"{', '.join(others)} and {last}" if others else last


def _size(answers: Answers) -> tuple[float, int]:
    return (float("inf") if answers.largest is None else answers.largest, answers.labels or 0)
