"""Fuzz one target until libFuzzer ends: ``.venv-fuzz/bin/python -m campaign.fuzz_target NAME ...``.

The other arguments are libFuzzer's. Runs in an environment of its own, which has atheris. Only our
Python code is instrumented: inside Pillow, jiter or protobuf nothing guides the inputs.
"""

import sys

import atheris

with atheris.instrument_imports(include=["pipeline", "campaign"]):
    from campaign.fuzz_targets import TARGETS


def main() -> None:
    """Fuzz; libFuzzer ends the process."""
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
