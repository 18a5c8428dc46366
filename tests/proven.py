"""Says whether a published model was proven in every runtime: ``python tests/proven.py MANIFEST``.

For models on the full data set, which tests do not train; label agreement and differences are held
to what the project promises, whatever the tolerances are.
"""

import json
import sys
from pathlib import Path

from pipeline.runtimes.registry import all_runtimes


def main(manifest: str) -> str | None:
    """Return what is missing, or None."""
    checks = json.loads(Path(manifest).read_text())["verification"]
    missing = set(all_runtimes()) - {check["runtime"] for check in checks if check["passed"]}
    if missing:
        return f"Not proven in {', '.join(sorted(missing))}."
    exact = [check for check in checks if check["precision"] == "float32"]
    for check in exact:
        if check["label_agreement"] != 1.0 or not check["max_abs_diff"] <= 1e-5:
            return f"{check['artifact']} in {check['runtime']} differs: {check}"
    print(f"Proven in {len(all_runtimes())} runtimes; {len(exact)} checks in float32.")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
