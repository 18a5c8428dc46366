"""Visit pages in Chromium with a driver, a script in tests/js/."""

import json
import subprocess
from typing import Any

from pipeline.runtimes.npm import CHROMIUM, packages_folder
from pipeline.runtimes.packages import find_program
from tests.support.paths import PROJECT


def visit_page(driver: str, *arguments: object) -> Any:
    """Return what a driver recorded."""
    command = ["node", PROJECT / "tests" / "js" / driver, *arguments, find_program(CHROMIUM)]
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        cwd=packages_folder(),
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)
