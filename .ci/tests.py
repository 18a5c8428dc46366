"""Run pytest; run the tests that failed once more, module by module, in a process of its own.

Usage: ``python .ci/tests.py [PYTEST-ARGUMENT ...]``, through ``make test PYTEST=...``.

A test that fails twice fails the run. Those of a module that all pass the second time are
unstable: their names are printed and, if ``UNSTABLE_TESTS`` names a file, appended there, so that
they get fixed. A fixture that fails once makes every test of its module fail, so modules are
counted.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from itertools import chain, groupby
from pathlib import Path

MAX_MODULES = 10  # failures in more modules than this are a fault in the code, not noise
LAST_FAILED = Path(".pytest_cache/v/cache/lastfailed")


def main(arguments: Sequence[str]) -> int:
    """Return pytest's exit code, or 0 if every failed test passed when run again."""
    LAST_FAILED.unlink(missing_ok=True)
    code = pytest(*arguments)
    failed = list(json.loads(LAST_FAILED.read_text())) if LAST_FAILED.exists() else []
    modules = [list(names) for _, names in groupby(sorted(failed, key=module_of), key=module_of)]
    # Exit code 1: all tests ran and some failed, unless processes collected different tests; the
    # names are then those of processes. Any other code is not about individual tests.
    are_files = all(Path(module_of(names[0])).exists() for names in modules)
    if code != 1 or not are_files or not 0 < len(modules) <= MAX_MODULES:
        return code
    print(f"Running {len(failed)} failed tests again, one module at a time.", flush=True)
    passed = [names for names in modules if pytest("-p", "no:cacheprovider", *names) == 0]
    unstable = list(chain.from_iterable(passed))
    report(unstable)
    return code if len(unstable) < len(failed) else 0


def module_of(test: str) -> str:
    """Return the file of a test."""
    return test.partition("::")[0]


def pytest(*arguments: str) -> int:
    """Run pytest in a process of its own and return its exit code."""
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode


def report(unstable: Sequence[str]) -> None:
    """Print the unstable tests, and append them to the file named by ``UNSTABLE_TESTS``."""
    lines = "".join(f"unstable: {name}\n" for name in unstable)
    print(lines, end="", flush=True)
    if file := os.environ.get("UNSTABLE_TESTS"):
        with Path(file).open("a") as output:
            output.write(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
