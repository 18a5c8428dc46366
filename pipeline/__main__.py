"""``python -m pipeline`` and the command ``pipeline``."""

import os
import signal
import sys


def main() -> None:
    """Run the command line."""
    _occupy_standard_descriptors()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # only errors from TensorFlow
    try:
        from pipeline.cli import app

        app()
    except KeyboardInterrupt as error:  # before a command handles it, or for a second time
        print("Error: Interrupted.", file=sys.stderr)
        sys.exit(128 + getattr(error, "number", signal.SIGINT))


def _occupy_standard_descriptors() -> None:
    """Reopen streams that the shell closed (``2>&-``), or the next file takes their number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            while os.open(os.devnull, os.O_RDWR) < number:
                pass
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))


if __name__ == "__main__":
    main()
