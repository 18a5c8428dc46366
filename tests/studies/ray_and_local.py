"""Run studies on Ray and locally, in the environment with Ray; print the results as JSON.

Ray is started once for all of them.
"""

import json
import sys
from pathlib import Path
from typing import Any

from pipeline import api
from pipeline.errors import PipelineError
from pipeline.studies.documents.results_json import results_document
from pipeline.studies.on_ray.cluster import connected, ray_settings


def main(folder: Path, names: list[str]) -> None:
    """Run ``NAME.yaml`` of each name with both executors."""
    found: dict[str, Any] = {}
    with ray_settings(), connected(2):
        for name in names:
            found[name] = {where: run(folder, name, where) for where in ("ray", "local")}
    print(json.dumps(found))


def run(folder: Path, name: str, executor: str) -> Any:
    """Return the results of a study, or its error."""
    file = folder / f"{name}.yaml"
    file.write_text(file.read_text().replace("executor: ray", f"executor: {executor}"))
    try:
        return results_document(api.study(file, workspace=folder / executor))
    except PipelineError as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
