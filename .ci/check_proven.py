"""Check that a published model was verified in every runtime.

Usage: ``python .ci/check_proven.py MANIFEST``. For models trained on the full data set, which the
tests do not train. The limits are those that the project promises, not those of a configuration.
"""

import json
import sys
from pathlib import Path

from pipeline.runtimes.registry import all_runtimes

MAX_ABS_DIFF = 1e-5  # of probabilities, promised in float32


def main(manifest: str) -> str | None:
    """Return what is missing, or None."""
    checks = json.loads(Path(manifest).read_text())["verification"]
    missing = set(all_runtimes()) - {check["runtime"] for check in checks if check["passed"]}
    if missing:
        return f"Not proven in {', '.join(sorted(missing))}."
    exact = [check for check in checks if check["precision"] == "float32"]
    for check in exact:
        if check["label_agreement"] != 1.0 or not check["max_abs_diff"] <= MAX_ABS_DIFF:
            return f"{check['artifact']} in {check['runtime']} differs: {check}"
    print(f"Proven in {len(all_runtimes())} runtimes; {len(exact)} checks in float32.")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
