"""The gate: everything that ran passed, and everything was opened somewhere."""

from collections.abc import Sequence

from pipeline.artifacts.checks import Check
from pipeline.errors import VerificationFailed

_UNOPENED = "no runtime that opens it is installed and among verify.runtimes"
_ADVICE = (
    "Nothing is published. Export again (--force export); if it fails again, the runtime named "
    "above computes differently."
)


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
    opened = {check.artifact for check in checks if check.ran and not check.is_reference}
    asked = artifacts or (() if opened else dict.fromkeys(check.artifact for check in checks))
    failures += [f"{name}: {_UNOPENED}" for name in asked if name not in opened]
    if failures or not checks:
        listed = "\n".join(f"  - {failure}" for failure in failures or ["nothing was checked"])
        raise VerificationFailed(
            f"Every exported file must answer as {like} does; got:\n{listed}\n{advice}"
        )
