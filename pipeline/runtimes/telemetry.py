"""No runtime reports to its makers what is opened here."""

import os
import sys

# onnxruntime (since 1.32, on Linux too) starts a thread that does, and leaves a file in TMPDIR.
NO_TELEMETRY = {"ORT_DISABLE_TELEMETRY": "1"}


def forbid_telemetry() -> None:
    """Tell runtimes that are imported later, in this process and those it starts."""
    os.environ.update(NO_TELEMETRY)
    # OpenVINO sends an event for each import, unless the package that sends is "not installed".
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
