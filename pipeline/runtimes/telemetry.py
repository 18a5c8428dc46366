"""Disable the telemetry of runtimes."""

import os
import sys

# onnxruntime (on Linux since 1.32) starts a thread for it, and leaves a file in TMPDIR.
NO_TELEMETRY = {"ORT_DISABLE_TELEMETRY": "1"}


def forbid_telemetry() -> None:
    """Disable telemetry in runtimes imported later, in this process and its children."""
    os.environ.update(NO_TELEMETRY)
    # OpenVINO sends an event for each import, unless its telemetry package is "not installed".
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
