"""float32 and bfloat16, in XLA and as a TensorFlow graph: ``python -m benchmarks.precision``."""

import json
from itertools import product

from benchmarks.machine import OURS, PEERS, call, save, write_digits

VARIANTS = tuple(product(("float32", "mixed_bfloat16"), ("xla", "graph")))
NETWORKS = (((128,), 128), ((1024, 1024), 256))
ROUNDS = 2


def main() -> None:
    """Measure seconds per epoch and test accuracy of all combinations, alternating."""
    folder, rows = write_digits(), []
    for _ in range(ROUNDS):
        for (hidden, batch_size), (precision, compiler) in product(NETWORKS, VARIANTS):
            case = {
                "hidden": hidden,
                "batch_size": batch_size,
                "precision": precision,
                "compiler": compiler,
            }
            rows.append(
                {**case, **call(OURS, PEERS / "ours_precision.py", folder, json.dumps(case))}
            )
            print(json.dumps(rows[-1]), flush=True)
    save("precision", {"rows": rows})


if __name__ == "__main__":
    main()
