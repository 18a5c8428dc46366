"""The accuracy with one and two workers in float32: ``python -m benchmarks.workers_accuracy``.

The same commands as by hand, ``pipeline run`` with ``TF_CONFIG``, train ``configs/mlp.yaml`` for a
few epochs with large batches, each seed with one and with two workers.
"""

import argparse
import json
import sys
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.machine import PROJECT, save
from benchmarks.markdown import table
from benchmarks.own_network import OwnNetwork, own_network
from benchmarks.workers import start_workers
from pipeline.api import run

CONFIG = PROJECT / "configs" / "mlp.yaml"
SETTINGS = ("train.batch_size=1024", "train.epochs=3", "train.threads=1", "train.lost_seconds=60")
SPLITS = ("validation", "test")
WORKERS = (1, 2)
SEEDS = 5
_SECONDS = 900  # of a training


def main() -> None:
    """Train, and write benchmarks/results/workers_accuracy.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    seeds, rows = parser.parse_args().seeds, []
    with TemporaryDirectory() as name, own_network() as network:
        folder = Path(name)
        # Here, since the workers cannot download anything.
        source = run(CONFIG, until="data", workspace=folder).data.source
        for seed in range(seeds):
            for workers in WORKERS:
                rows.append(_trained(network, folder, seed=seed, workers=workers))
                print(json.dumps(rows[-1]), flush=True)
    save("workers_accuracy", {"settings": SETTINGS, "data": source, "rows": rows})


def _trained(network: OwnNetwork, folder: Path, **row: int) -> dict[str, Any]:
    """Train with workers, and return their number, the seed and the final accuracies."""
    workers = row["workers"]
    settings = (*SETTINGS, f"train.seed={row['seed']}", f"train.workers={workers}")
    arguments = ("run", CONFIG, *settings, "--until", "evaluate", "-C", folder, "--json")
    started = start_workers(network, "pipeline", arguments, size=workers, logs=folder)
    codes = [process.wait(_SECONDS) for process in started]
    output = (folder / "worker-0.log").read_text()
    if any(codes):
        sys.exit(output)
    metrics = json.loads(output[output.index("{") : output.rindex("}") + 1])["metrics"]
    return {**row, **{split: metrics[split]["accuracy"] for split in SPLITS}}


def accuracy_table(result: dict[str, Any]) -> str:
    """Return the accuracies of each seed, and the mean of their differences."""
    found = {(row["seed"], row["workers"]): row for row in result["rows"]}
    seeds = sorted({seed for seed, _ in found})
    lines = []
    for seed in seeds:
        pairs = [[found[seed, workers][split] for workers in WORKERS] for split in SPLITS]
        cells = [f"{100 * value:.2f} %" for pair in pairs for value in pair]
        lines.append([str(seed), *cells])
    means = [
        fmean(found[seed, 2][split] - found[seed, 1][split] for seed in seeds) for split in SPLITS
    ]
    cells = [cell for mean in means for cell in ("", f"{100 * mean:+.3f} points")]
    lines.append(["mean difference", *cells])
    head = [f"{split}, {text}" for split in SPLITS for text in ("one worker", "two workers")]
    return table(["seed", *head], lines)


if __name__ == "__main__":
    main()
