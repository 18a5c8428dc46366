"""Seconds from process start to 98 % test accuracy: ``python -m benchmarks.accuracy``."""

import json
import time

from benchmarks.machine import OURS, PEERS, call, save, write_digits

WANTED, BATCH_SIZE, ROUNDS = 0.98, 128, 3


def main() -> None:
    """Train the same network with both, and evaluate the test set after each epoch."""
    folder = write_digits()
    found: dict[str, list[dict[str, float]]] = {"ours": [], "keras": []}
    for _ in range(ROUNDS):
        for peer, environment in (("ours", OURS), ("keras", "keras")):
            script = PEERS / f"{peer}_to_accuracy.py"
            run = call(environment, script, folder, time.time(), WANTED, BATCH_SIZE)
            found[peer].append(run)
            print(json.dumps({"peer": peer, **run}), flush=True)
    save("accuracy", {"wanted": WANTED, "batch_size": BATCH_SIZE, "rows": found})


if __name__ == "__main__":
    main()
