"""Fuzz one target until libFuzzer ends: ``.venv-fuzz/bin/python -m campaign.fuzz_target NAME ...``.

The other arguments are libFuzzer's. Runs in an environment of its own, which has atheris. Only our
Python code is instrumented: inside Pillow, jiter or protobuf nothing guides the inputs.
"""

import shlex
import sys

import atheris

with atheris.instrument_imports(include=["pipeline", "campaign"]):
    from campaign.fuzz_targets import TARGETS


def main() -> None:
    """Fuzz; libFuzzer ends the process."""
    _, name, *arguments = sys.argv
    # To merge, libFuzzer runs this program again: by its first argument, in a shell.
    program = f"{shlex.quote(sys.executable)} -m {__spec__.name} {name}"
    atheris.Setup([program, *arguments], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
