"""Every artifact in every runtime that opens it, each in a fresh process."""

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import ModelError, VerificationFailed, WorkerFailed
from pipeline.export.formats import FORMATS, artifact_bytes, artifact_name, artifact_path
from pipeline.machine import num_processors
from pipeline.runtimes.isolated import ask
from pipeline.runtimes.measuring import Cost
from pipeline.runtimes.registry import Runtime, runtimes_for
from pipeline.verification.check import Check
from pipeline.verification.comparing import (
    Reference,
    compare,
    contract_failures,
    max_abs_diff,
)
from pipeline.verification.tolerances import TOLERANCES

if TYPE_CHECKING:
    from pipeline.progress import Progress


_UNOPENED = "no runtime that opens it is installed and among verify.runtimes"
_ADVICE = (
    "Nothing is published. Export again (--force export); if it fails again, the runtime named "
    "above computes differently."
)


@dataclass(frozen=True)
class Artifact:
    """What is proven: a file or folder, the format it is in, and its size."""

    name: str
    format: str
    path: Path
    bytes: int

    @property
    def precision(self) -> str:
        """The precision that the format computes in."""
        return FORMATS[self.format].precision


def artifacts_in(folder: Path, formats: Sequence[str]) -> list[Artifact]:
    """Return the artifacts of an exported or published folder."""
    return [
        Artifact(artifact_name(f), f, artifact_path(folder, f), artifact_bytes(folder, f))
        for f in formats
    ]


def verify(
    artifacts: Sequence[Artifact],
    reference: Reference,
    progress: "Progress",
    *,
    only: Sequence[Runtime] | None = None,
) -> list[Check]:
    """Ask every artifact in every runtime that opens it, or in ``only`` these."""
    wanted = [
        (artifact, runtime)
        for artifact in artifacts
        for runtime in runtimes_for(artifact.format)
        if only is None or runtime in only
    ]
    with (
        progress.task("verifying", total=len(wanted)) as task,
        tempfile.TemporaryDirectory(prefix="pipeline-") as alone,
        ThreadPoolExecutor(max_workers=num_processors()) as pool,
    ):
        jobs = [pool.submit(_check, *pair, reference, Path(alone)) for pair in wanted]
        checks = []
        try:
            for job, (artifact, runtime) in zip(jobs, wanted, strict=True):
                checks.append(job.result())
                task.update(len(checks), f"{artifact.name} in {runtime.name}")
        except BaseException:  # Ctrl-C: what has not begun need not begin
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return _compared(checks, artifacts)


def require_passed(
    checks: Sequence[Check],
    artifacts: Sequence[str] = (),
    *,
    like: str = "the trained model",
    advice: str = _ADVICE,
) -> None:
    """Demand that every check that ran passed, and that each of ``artifacts`` was opened somewhere.

    Without them it is enough that something was: where few runtimes are installed.
    ``like`` names what is compared with; ``advice`` ends the message.

    Raises:
        VerificationFailed: the list of everything that failed.
    """
    failures = [
        f"{check.artifact} in {check.runtime}: {failure}"
        for check in checks
        for failure in check.failures
    ]
    opened = {check.artifact for check in checks if check.ran}
    asked = artifacts or (() if opened else dict.fromkeys(check.artifact for check in checks))
    failures += [f"{name}: {_UNOPENED}" for name in asked if name not in opened]
    if failures or not checks:
        listed = "\n".join(f"  - {failure}" for failure in failures or ["nothing was checked"])
        raise VerificationFailed(
            f"Every exported file must answer as {like} does; got:\n{listed}\n{advice}"
        )


def _check(artifact: Artifact, runtime: Runtime, reference: Reference, alone: Path) -> Check:
    check = Check(
        artifact.name,
        runtime.name,
        ran=runtime.installed,
        precision=artifact.precision,
        asked=runtime.asked,
        bytes=artifact.bytes,
    )
    if not check.ran:
        return replace(check, advice=runtime.package.command)
    try:
        answers = ask(runtime, artifact.path, reference.images, alone=alone)
    except ModelError as error:
        return replace(check, failures=(f"it could not be asked: {error}",))
    except WorkerFailed as error:
        found = contract_failures(error.contract, reference.contract) if error.contract else []
        return replace(check, failures=(*found, f"it could not be asked: {error}"))
    failures = compare(answers, reference, TOLERANCES[artifact.precision])
    check = replace(check, failures=failures, cost=answers.cost)
    got = answers.probabilities
    if got.shape != reference.probabilities.shape:
        return check
    labels = got.argmax(axis=1)
    return replace(
        check,
        max_abs_diff=max_abs_diff(got, reference.probabilities),
        label_agreement=float(np.mean(labels == reference.probabilities.argmax(axis=1))),
        accuracy=float(np.mean(labels == reference.labels)),
    )


def _compared(checks: Sequence[Check], artifacts: Sequence[Artifact]) -> list[Check]:
    """Put beside each copy how it compares with what it was made from, in the same runtime."""
    originals = {
        artifact.name: artifact_name(original)
        for artifact in artifacts
        if (original := FORMATS[artifact.format].copy_of)
    }
    costs = {(check.artifact, check.runtime): check.cost for check in checks}
    return [
        replace(check, times_of_original=_ratios(check.cost, costs.get((original, check.runtime))))
        if (original := originals.get(check.artifact))
        else check
        for check in checks
    ]


def _ratios(cost: Cost | None, original: Cost | None) -> dict[int, float] | None:
    if cost is None or original is None:
        return None
    return {
        size: time.median_seconds / original.time_per_image[size].median_seconds
        for size, time in cost.time_per_image.items()
    }
