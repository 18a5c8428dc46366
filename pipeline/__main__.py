"""``python -m pipeline`` and the command ``pipeline``."""

import os


def main() -> None:
    """Run the command line."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors of TensorFlow only
    from pipeline.cli import app

    app()


if __name__ == "__main__":
    main()
