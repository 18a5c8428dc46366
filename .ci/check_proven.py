"""Check that a published model was verified in every runtime, and is as accurate as promised.

Usage: ``python .ci/check_proven.py MANIFEST``. For models trained on the full data set, which the
tests do not train. The limits are those that the project promises, not those of a configuration.
"""

import json
import sys
from pathlib import Path

from pipeline.runtimes.registry import all_runtimes

MAX_ABS_DIFF = 1e-5  # of probabilities, promised in float32
MIN_ACCURACY = 0.982  # of the default configuration on the test set


def main(manifest: str) -> str | None:
    """Return what is missing, or None."""
    facts = json.loads(Path(manifest).read_text())
    accuracy, checks = facts["metrics"]["test"]["accuracy"], facts["verification"]
    if accuracy < MIN_ACCURACY:
        return f"The test accuracy is {accuracy}; expected at least {MIN_ACCURACY}."
    missing = set(all_runtimes()) - {check["runtime"] for check in checks if check["passed"]}
    if missing:
        return f"Not proven in {', '.join(sorted(missing))}."
    exact = [check for check in checks if check["precision"] == "float32"]
    for check in exact:
        if check["label_agreement"] != 1.0 or not check["max_abs_diff"] <= MAX_ABS_DIFF:
            return f"{check['artifact']} in {check['runtime']} differs: {check}"
    print(f"Proven in {len(all_runtimes())} runtimes; {len(exact)} checks in float32.")
    print(f"Test accuracy {accuracy}.")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
