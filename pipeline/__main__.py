"""``python -m pipeline`` and the command ``pipeline``."""

import os
import sys


def main() -> None:
    """Run the command line."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors of TensorFlow only
    try:
        from pipeline.cli import app

        app()
    except KeyboardInterrupt:  # before a command could take care of it
        print("Error: Interrupted.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
