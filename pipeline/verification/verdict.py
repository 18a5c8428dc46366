"""The gate: every check that ran passed, and every file was opened by some runtime."""

from collections.abc import Sequence

from pipeline.artifacts.checks import Check
from pipeline.errors import VerificationFailed

_UNOPENED = "no runtime that opens it is both installed and in verify.runtimes"
_ADVICE = (
    "Nothing was published. Export again (--force export); if it fails again, the runtime named "
    "above computes different results."
)


def require_passed(
    checks: Sequence[Check],
    artifacts: Sequence[str] = (),
    *,
    reference: str = "the trained model",
    advice: str = _ADVICE,
) -> None:
    """Require that every check that ran passed, and that each of ``artifacts`` was opened.

    Without ``artifacts``, one opened file is enough, since few runtimes may be installed.
    ``reference`` names the reference; ``advice`` is the end of the message.

    Raises:
        VerificationFailed: lists everything that failed.
    """
    failures = [
        f"{check.artifact} in {check.runtime}: {failure}"
        for check in checks
        for failure in check.failures
    ]
    opened = {check.artifact for check in checks if check.ran and not check.is_reference}
    required = artifacts or (() if opened else dict.fromkeys(check.artifact for check in checks))
    failures += [f"{name}: {_UNOPENED}" for name in required if name not in opened]
    if failures or not checks:
        listed = "\n".join(f"  - {failure}" for failure in failures or ["nothing was checked"])
        raise VerificationFailed(
            f"Exported files must give the same predictions as {reference}; got:\n"
            f"{listed}\n{advice}"
        )
