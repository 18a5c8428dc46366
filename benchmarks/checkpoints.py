"""The cost of checkpoints in a training of a minute: ``python -m benchmarks.checkpoints``."""

import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.machine import PROJECT, save
from pipeline.config import read
from pipeline.engine.workspace import Workspace
from pipeline.stages import run_stages
from pipeline.terminal.console import TerminalProgress
from pipeline.training.checkpoint import Checkpoint

OVERRIDES = ["model.hidden=[1024,1024]", "optimizer={name: adam}", "train.epochs=20"]


def main() -> None:
    """Run the stage ``train``, and time each of its checkpoints."""
    costs: list[float] = []
    write = Checkpoint.save

    def timed(self: Checkpoint, *arguments: object) -> None:
        started = time.perf_counter()
        write(self, *arguments)  # type: ignore[arg-type]
        costs.append(time.perf_counter() - started)

    Checkpoint.save = timed  # type: ignore[method-assign,assignment]
    config = read(PROJECT / "configs" / "mlp.yaml", OVERRIDES)
    with TemporaryDirectory(dir=PROJECT / "runs") as folder:
        workspace, progress = Workspace(Path(folder)), TerminalProgress()
        seconds = run_stages(config, workspace, progress, until="train")[-1].seconds
    found = {"seconds": seconds, "checkpoints": costs, "share": sum(costs) / seconds}
    print(json.dumps(found))
    save("checkpoints", found)


if __name__ == "__main__":
    main()
