"""The state of a model's versions and labels, as TensorFlow Serving describes it."""

from typing import Any

from pipeline.serving.model import STUCK, Model


def describe_versions(
    model: Model, version: str | None = None, label: str | None = None
) -> list[dict[str, Any]]:
    """Return a row per version, newest first, or only that of a version or label.

    A version that was rejected while it still serves has the reason.

    Raises:
        ServingError: (404) there is no such version or label; (503) the label's is not ready.
    """
    rows = [_row(model, number) for number in reversed(model.numbers)]
    if label is not None:
        version = model.version(label=label).text
    if version is not None:
        rows = [row for row in rows if row["version"] == str(int(version))]
        if not rows:
            model.version(version)  # raises the error that fits
    return rows


def describe_labels(model: Model) -> list[dict[str, Any]]:
    """Return the version that each label names, the one that is served, and why they differ."""
    served = {label: str(number) for label, number in model.served_labels.items()}
    return [
        {
            "label": label,
            "version": str(number),
            "served_version": served.get(label),
            "status": status_of("FAILED_PRECONDITION", model.label_problem(label) or ""),
        }
        for label, number in model.labels.items()
    ]


def status_of(code: str, message: str) -> dict[str, str]:
    """Return TensorFlow's status, which is OK without a message."""
    return {"error_code": code if message else "OK", "error_message": message}


def _row(model: Model, number: int) -> dict[str, Any]:
    reason, code = model.rejected.get(number, ""), "FAILED_PRECONDITION"
    if number in model.stuck:
        reason, code = STUCK, "DEADLINE_EXCEEDED"
    if number in model.ready:
        state = "AVAILABLE"
    else:
        state = "LOADING" if number in model.loading else "END"
    return {"version": str(number), "state": state, "status": status_of(code, reason)}
