"""Run every artifact in every runtime that opens it, each in a fresh process."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.artifacts.checks import Check
from pipeline.artifacts.formats import FORMATS, artifact_bytes, artifact_name, artifact_path
from pipeline.errors import ModelError
from pipeline.runtimes.isolated import NoPredictions, WorkerResult, run_isolated
from pipeline.runtimes.processes import TIMEOUT_SECONDS, MeasurementLock, end_workers
from pipeline.runtimes.registry import Runtime, runtimes_for
from pipeline.system.resources import num_processors
from pipeline.verification.comparing import (
    Reference,
    compare,
    contract_failures,
    differences,
)
from pipeline.verification.reading_back import weight_failures
from pipeline.verification.reduced_precision import compared_with_originals
from pipeline.verification.weights.reading import read_isolated

if TYPE_CHECKING:
    from pipeline.progress import Progress

_MAX_WORKERS = 4  # each may use all processors, and TensorFlow takes 0.8 GB
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Artifact:
    """An artifact to verify: a file or folder, its format and its size.

    ``has_encoded_inputs`` is false for older versions, which need not have them.
    """

    name: str
    format: str
    path: Path
    bytes: int
    has_encoded_inputs: bool = True

    @property
    def precision(self) -> str:
        """The precision of the format."""
        return FORMATS[self.format].precision


def artifacts_in(
    folder: Path, formats: Sequence[str], *, has_encoded_inputs: bool = True
) -> list[Artifact]:
    """Return the artifacts of an exported or published folder."""
    return [
        Artifact(
            artifact_name(name),
            name,
            artifact_path(folder, name),
            artifact_bytes(folder, name),
            has_encoded_inputs,
        )
        for name in formats
    ]


def verify(
    artifacts: Sequence[Artifact],
    reference: Reference,
    progress: "Progress",
    *,
    only: Sequence[Runtime] | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
    memory_bytes: int | None = None,
) -> list[Check]:
    """Run every artifact in every runtime that opens it, or in ``only`` those given.

    Each step has the time limit; the memory limit is that for files from elsewhere, unless one is
    given.
    """
    wanted = [
        (artifact, runtime)
        for artifact in artifacts
        for runtime in runtimes_for(artifact.format)
        if only is None or runtime in only
    ]
    weights = _compare_weights(artifacts, reference)
    workers = min(num_processors(), _MAX_WORKERS)
    run = partial(
        run_isolated,
        lock=MeasurementLock(workers),
        timeout_seconds=timeout_seconds,
        memory_bytes=memory_bytes,
    )
    with (
        progress.task("verifying", total=len(wanted)) as task,
        ThreadPoolExecutor(workers) as pool,
    ):
        jobs: list[Future[Check]] = []
        checks: list[Check] = []
        try:
            for pair in wanted:
                jobs.append(pool.submit(_check, *pair, reference, weights, run))
            for job, (artifact, runtime) in zip(jobs, wanted, strict=True):
                task.update(len(checks), f"{artifact.name} in {runtime.name}")
                checks.append(job.result())
        except BaseException:  # Ctrl-C: start no more workers, and stop the running ones
            pool.shutdown(wait=False, cancel_futures=True)
            _end(jobs)
            raise
    formats = [artifact.format for artifact, _ in wanted]
    return compared_with_originals(checks, formats, reference.task.quality)


def _compare_weights(
    artifacts: Sequence[Artifact], reference: Reference
) -> dict[str, tuple[str, ...] | None]:
    """Return by artifact how its weights differ from the trained ones; None if not compared."""
    trained = reference.trained
    if trained is None:
        return {artifact.name: None for artifact in artifacts}
    with ThreadPoolExecutor(min(num_processors(), _MAX_WORKERS)) as pool:
        found = pool.map(
            lambda artifact: weight_failures(
                artifact.path, artifact.format, trained, read=read_isolated
            ),
            artifacts,
        )
    return {artifact.name: failures for artifact, failures in zip(artifacts, found, strict=True)}


def _end(jobs: Sequence[Future[Check]]) -> None:
    """Stop workers until all jobs are done: a job may just be about to start one."""
    end_workers()
    while not all(job.done() for job in jobs):
        time.sleep(_LOOK_SECONDS)
        end_workers()


def _check(
    artifact: Artifact,
    runtime: Runtime,
    reference: Reference,
    weights: Mapping[str, tuple[str, ...] | None],
    run: Callable[[Runtime, Path, Path], WorkerResult],
) -> Check:
    check = Check(
        artifact.name,
        runtime.name,
        ran=runtime.installed,
        precision=artifact.precision,
        asked=runtime.setting,
        bytes=artifact.bytes,
        score_name=reference.task.quality.name,
    )
    if not check.ran:
        return replace(check, advice=runtime.package.command)
    try:
        result = run(runtime, artifact.path, reference.images)
    except ModelError as error:
        return replace(check, failures=(f"it could not be run: {error}",))
    except NoPredictions as error:
        found = contract_failures(error.contract, reference.contract) if error.contract else []
        return replace(check, failures=(*found, f"it could not be run: {error}"))
    encoded_inputs = runtime.encoded_inputs if artifact.has_encoded_inputs else ()
    failures = compare(result, reference, artifact.precision, encoded_inputs)
    different = weights[artifact.name]
    check = replace(
        check,
        failures=(*failures, *(different or ())),
        cost=result.cost,
        weights_equal=None if different is None else not different,
    )
    if result.probabilities.shape != reference.probabilities.shape:
        return check
    return _with_scores(check, result, reference)


def _with_scores(check: Check, result: WorkerResult, reference: Reference) -> Check:
    got, expected = result.probabilities, reference.probabilities
    found = differences(got, expected)
    allowed = np.broadcast_to(reference.allowed_for(check.precision), found.shape)
    largest = np.unravel_index(found.argmax(), found.shape)  # NaN, if there is any
    return replace(
        check,
        max_abs_diff=float(found[largest]),
        allowed_diff=float(allowed[largest]),
        label_agreement=reference.task.agreement(got, expected),
        score=reference.task.score(got, reference.labels),
    )
