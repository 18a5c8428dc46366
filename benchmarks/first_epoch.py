"""What the first epoch of the default model costs more: ``python -m benchmarks.first_epoch``."""

import json

from benchmarks.machine import OURS, PEERS, call, save, write_digits

ROUNDS = 5


def main() -> None:
    """In fresh processes: the first training, and a like one after it in the same process."""
    folder = write_digits()
    rows = [call(OURS, PEERS / "ours_default.py", folder) for _ in range(ROUNDS)]
    for row in rows:
        print(json.dumps(row), flush=True)
    save("first_epoch", {"rows": rows})


if __name__ == "__main__":
    main()
