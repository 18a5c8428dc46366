"""The stage ``verify``: only verified files may be published."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.artifacts.checks import Check
from pipeline.artifacts.data_set import ALLOWED_FILE
from pipeline.artifacts.formats import FORMATS, artifact_name
from pipeline.artifacts.reduced_precision import Copy
from pipeline.artifacts.stage_facts import (
    DataFacts,
    EvaluateFacts,
    ExportFacts,
    TrainFacts,
    VerifyFacts,
)
from pipeline.engine.context import Context
from pipeline.engine.stage import Outcome
from pipeline.runtimes.requirements import chosen_runtimes
from pipeline.system.resources import memory_bytes
from pipeline.tasks.registry import task_of
from pipeline.verification.comparing import read_reference
from pipeline.verification.running import artifacts_in, verify
from pipeline.verification.verdict import require_passed


def run(context: Context, folder: Path) -> Outcome[VerifyFacts]:
    """Verify the exported files; a copy that fails is left out, with the reason.

    The permitted differences of the predictions are written into ``folder``, if they are known.

    Raises:
        VerificationFailed: lists everything that is wrong with the other files.
    """
    exported = context.output(ExportFacts)
    formats = exported.facts.formats
    with context.progress.task("computing exact predictions"):
        reference = read_reference(
            context.output(DataFacts).path,
            context.output(TrainFacts).path,
            context.output(EvaluateFacts).path,
            exported.facts.contract,
            task_of(context.config),
        )
    if reference.allowed is not None:
        np.save(folder / ALLOWED_FILE, reference.allowed)
    checks = verify(
        artifacts_in(exported.path, formats),
        reference,
        context.progress,
        only=chosen_runtimes(context.config),
        memory_bytes=memory_bytes(),
    )
    failed = {name: reason for name in formats if (reason := _failed_copy(name, checks))}
    for name, reason in failed.items():
        context.progress.notice(f"{artifact_name(name)} is left out: {reason}.")
    verified = tuple(name for name in formats if name not in failed)
    names = [artifact_name(name) for name in verified]
    require_passed([check for check in checks if check.artifact in names], names)
    copies = tuple(_with_reason(copy, failed) for copy in exported.facts.copies)
    return Outcome(VerifyFacts(verified, tuple(checks), copies))


def _failed_copy(file_format: str, checks: Sequence[Check]) -> str | None:
    """Return why a copy may not be published, or None; it must have run somewhere."""
    if FORMATS[file_format].copy_of is None:
        return None
    found = [check for check in checks if check.artifact == artifact_name(file_format)]
    # Only the first reason in each runtime: failures on the test set recur on parts of it.
    runtimes: dict[str, list[str]] = {}
    for check in found:
        if check.failures:
            runtimes.setdefault(check.failures[0], []).append(check.runtime)
    failures = [f"in {', '.join(names)}, {failure}" for failure, names in runtimes.items()]
    if not any(check.ran for check in found):
        failures.append("no runtime that opens it is both installed and in verify.runtimes")
    return "; ".join(failures) or None


def _with_reason(copy: Copy, failed: dict[str, str]) -> Copy:
    return replace(copy, reason=copy.reason or failed.get(copy.format))
