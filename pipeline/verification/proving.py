"""Every exported file, in every runtime, against the trained Keras model."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.context import Context, Facts
from pipeline.errors import VerificationFailed, WorkerFailed
from pipeline.export.contract import Contract, TensorSpec, contract_from_json
from pipeline.export.formats import artifact_name, artifact_path
from pipeline.handover import TEST_PROBABILITIES_FILE, split_file
from pipeline.machine import num_processors
from pipeline.runtimes.isolated import Answers, ask
from pipeline.runtimes.registry import Runtime, runtimes_for

if TYPE_CHECKING:
    from pipeline.progress import Progress

# Float32 resolves 6e-8 at 1. The sums of a dense layer add about sqrt(n) roundings each, and the
# softmax passes errors of the logits on at most one to one; differences of 3e-8 to 3e-7 are seen
# between correct runtimes, and 2e-3 where one computes in bfloat16. Compared with rtol=0.
FLOAT32_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Reference:
    """A ``.npy`` file of the test images, their labels, int64 (n,), and what Keras answers.

    The probabilities are float32 (n, num_classes).
    """

    images: Path
    labels: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32]
    contract: Contract


@dataclass(frozen=True)
class Check:
    """One artifact in one runtime; without ``ran`` it is neither passed nor failed."""

    artifact: str
    runtime: str
    ran: bool
    failures: tuple[str, ...] = ()
    max_abs_diff: float | None = None
    label_agreement: float | None = None
    accuracy: float | None = None

    @property
    def passed(self) -> bool:
        """Whether it ran and nothing was wrong."""
        return self.ran and not self.failures


def run(context: Context, folder: Path) -> Facts:
    """Prove what was exported.

    Raises:
        VerificationFailed: the list of everything that is wrong.
    """
    del folder  # all that is found out is in the facts
    exported = context.outputs["export"]
    contract = contract_from_json(exported.facts["contract"])
    reference = read_reference(
        context.outputs["data"].path, context.outputs["evaluate"].path, contract
    )
    checks = verify(exported.path, exported.facts["formats"], reference, context.progress)
    require_passed(checks)
    passed = sum(check.passed for check in checks)
    return {"checks": [as_json(check) for check in checks], "summary": f"{passed} checks passed"}


def read_reference(data: Path, evaluation: Path, contract: Contract) -> Reference:
    """Return what every artifact must answer, from the folders of ``data`` and ``evaluate``."""
    return Reference(
        images=data / split_file("test", "images"),
        labels=np.load(data / split_file("test", "labels")),
        probabilities=np.load(evaluation / TEST_PROBABILITIES_FILE),
        contract=contract,
    )


def as_json(check: Check) -> dict[str, Any]:
    """Return plain values for a manifest."""
    difference = check.max_abs_diff
    finite = difference if difference is not None and math.isfinite(difference) else None
    return {**asdict(check), "max_abs_diff": finite, "passed": check.passed}


def from_json(value: dict[str, Any]) -> Check:
    """Return a check from what ``as_json`` gave."""
    known = {field.name: value[field.name] for field in fields(Check)}
    return Check(**{**known, "failures": tuple(known["failures"])})


def verify(
    folder: Path,
    formats: Sequence[str],
    reference: Reference,
    progress: "Progress",
    *,
    only: Sequence[Runtime] | None = None,
) -> list[Check]:
    """Ask every artifact of a folder in every runtime that opens it, or in ``only`` these."""
    wanted = [
        (file_format, runtime)
        for file_format in formats
        for runtime in runtimes_for(file_format)
        if only is None or runtime in only
    ]
    with (
        progress.task("verifying", total=len(wanted)) as task,
        ThreadPoolExecutor(max_workers=num_processors()) as pool,
    ):
        jobs = [pool.submit(_check, folder, *pair, reference) for pair in wanted]
        checks = []
        try:
            for job, (file_format, runtime) in zip(jobs, wanted, strict=True):
                checks.append(job.result())
                task.update(len(checks), f"{artifact_name(file_format)} in {runtime.name}")
        except BaseException:  # Ctrl-C: what has not begun need not begin
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return checks


def require_passed(checks: Sequence[Check], *, every_artifact: bool = True) -> None:
    """Demand that every check that ran passed, and that every artifact was opened somewhere.

    Without ``every_artifact`` it is enough that one was: where few runtimes are installed.

    Raises:
        VerificationFailed: the list of everything that failed.
    """
    failures = [
        f"{check.artifact} in {check.runtime}: {failure}"
        for check in checks
        for failure in check.failures
    ]
    opened = {check.artifact for check in checks if check.ran}
    unopened = dict.fromkeys(check.artifact for check in checks if check.artifact not in opened)
    if every_artifact or not opened:
        failures += [f"{artifact}: no runtime that opens it is installed" for artifact in unopened]
    if failures or not checks:
        listed = "\n".join(f"  - {failure}" for failure in failures or ["nothing was checked"])
        raise VerificationFailed(
            f"Every exported file must answer as the trained model does; got:\n{listed}\n"
            "Nothing is published. Export again (--force export); if it fails again, the runtime "
            "named above computes differently."
        )


def compare(answers: Answers, reference: Reference) -> tuple[str, ...]:
    """Return everything that is wrong with a file's answers, as sentences."""
    expected = reference.probabilities
    failures = list(_contract_failures(answers.contract, reference.contract))
    failures += _value_failures("the test set", answers.probabilities, expected)
    for size, got in answers.small_batches.items():
        failures += _value_failures(f"the first {size} as a batch", got, expected[:size])
    return tuple(failures)


def max_abs_diff(got: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]) -> float:
    """Return max |got - expected|, computed in float64; NaN where one of them is not a number."""
    return float(np.max(np.abs(got.astype(np.float64) - expected.astype(np.float64))))


def _check(folder: Path, file_format: str, runtime: Runtime, reference: Reference) -> Check:
    name = artifact_name(file_format)
    if not runtime.installed:
        return Check(name, runtime.name, ran=False)
    try:
        answers = ask(runtime, artifact_path(folder, file_format), reference.images)
    except WorkerFailed as error:
        return Check(name, runtime.name, ran=True, failures=(f"it could not be asked: {error}",))
    failures = compare(answers, reference)
    got = answers.probabilities
    if got.shape != reference.probabilities.shape:
        return Check(name, runtime.name, ran=True, failures=failures)
    labels = got.argmax(axis=1)
    return Check(
        name,
        runtime.name,
        ran=True,
        failures=failures,
        max_abs_diff=max_abs_diff(got, reference.probabilities),
        label_agreement=float(np.mean(labels == reference.probabilities.argmax(axis=1))),
        accuracy=float(np.mean(labels == reference.labels)),
    )


def _contract_failures(got: Contract, expected: Contract) -> list[str]:
    pairs = (("input", got.inputs, expected.inputs), ("output", got.outputs, expected.outputs))
    return [
        f"the {side} must be {_join(wanted)}; got {_join(found)}"
        for side, found, wanted in pairs
        if found != wanted
    ]


def _join(specs: tuple[TensorSpec, ...]) -> str:
    return ", ".join(map(str, specs)) or "none"


def _value_failures(
    name: str, got: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]
) -> list[str]:
    if got.dtype != np.float32 or got.shape != expected.shape:
        return [f"{name}: answers must be float32 {expected.shape}; got {got.dtype} {got.shape}"]
    if not np.isfinite(got).all():
        bad = int((~np.isfinite(got)).any(axis=1).sum())
        return [f"{name}: all values must be finite; got {bad} images with infinity or NaN"]
    failures = []
    difference = max_abs_diff(got, expected)
    if not difference <= FLOAT32_TOLERANCE:
        failures.append(
            f"{name}: the largest difference of probabilities must be at most "
            f"{FLOAT32_TOLERANCE:g}; got {difference:.3g}"
        )
    disagreements = _disagreements(got, expected)
    if disagreements:
        failures.append(f"{name}: every label must agree; got {disagreements} that do not")
    return failures


def _disagreements(got: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]) -> int:
    """Count labels that differ, but for ties: the reference holds both within the tolerance."""
    rows = np.arange(len(expected))
    ours, theirs = expected.argmax(axis=1), got.argmax(axis=1)
    margin = expected[rows, ours].astype(np.float64) - expected[rows, theirs]
    return int(np.sum(margin > FLOAT32_TOLERANCE))
