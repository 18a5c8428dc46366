"""Run studies on Ray and locally, in the environment with Ray; print the results as JSON.

Ray is started once for all of them; then one of them is sent to a cluster that does not run.
"""

import json
import os
import re
import socket
import sys
from pathlib import Path
from typing import Any

from pipeline import api
from pipeline.errors import PipelineError
from pipeline.studies.documents.results_json import results_document
from pipeline.system.ray_cluster import ADDRESS, connected, ray_settings


def main(folder: Path, names: list[str]) -> None:
    """Run ``NAME.yaml`` of each name with both executors."""
    found: dict[str, Any] = {}
    with ray_settings(), connected(2):
        for name in names:
            found[name] = {where: run(folder, name, where) for where in ("ray", "local")}
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # but it does not listen
        os.environ[ADDRESS] = found["address"] = f"127.0.0.1:{unused.getsockname()[1]}"
        found["unreachable"] = run(folder, names[0], "ray")
    print(json.dumps(found))


def run(folder: Path, name: str, executor: str) -> Any:
    """Return the results of a study, or its error."""
    file = folder / f"{name}.yaml"
    file.write_text(re.sub("executor: .*", f"executor: {executor}", file.read_text()))
    try:
        return results_document(api.study(file, workspace=folder / executor))
    except PipelineError as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
