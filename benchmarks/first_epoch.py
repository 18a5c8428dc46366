"""First-epoch overhead of the default model: ``python -m benchmarks.first_epoch``."""

import json

from benchmarks.machine import OURS, PEERS, call, save, write_digits

ROUNDS = 5


def main() -> None:
    """Measure, in fresh processes, a first and a second training of the same kind."""
    folder = write_digits()
    rows = [call(OURS, PEERS / "ours_default.py", folder) for _ in range(ROUNDS)]
    for row in rows:
        print(json.dumps(row), flush=True)
    save("first_epoch", {"rows": rows})


if __name__ == "__main__":
    main()
