"""Real trainings in processes of their own, which wait at the end of chosen epochs."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.paths import PROJECT, SMOKE
from tests.support.processes import wait_until

EPOCHS = 4
HOLD = """
import os
import time
from pathlib import Path
import keras

class Hold(keras.callbacks.Callback):  # its files are named by epochs, counted from 1
    def on_epoch_end(self, epoch, logs=None):
        folder = Path(os.environ["HOLD"])
        if (folder / f"{epoch + 1}.hold").exists():
            (folder / f"{epoch + 1}.held").touch()
            while not (folder / f"{epoch + 1}.go").exists():
                time.sleep(0.02)
"""


class HeldTraining:
    """Trainings of one configuration in a workspace; ``hold`` is for the files of the callback."""

    def __init__(self, folder: Path) -> None:
        self.workspace, self.hold = folder / "workspace", folder / "hold"
        self.hold.mkdir(parents=True)
        (folder / "hold.py").write_text(HOLD)
        self.overrides = [
            f"train.epochs={EPOCHS}",
            "train.batch_size=64",
            f"train.callbacks=[{{name: {folder / 'hold.py'}:Hold}}]",
        ]

    @property
    def files(self) -> Path:
        """The folder of the event files."""
        [folder] = (self.workspace / "runs" / "tensorboard").iterdir()
        return folder

    @property
    def histories(self) -> list[Path]:
        """The files with the logs of the completed trainings."""
        return list((self.workspace / "runs" / "train").glob("*/history.json"))

    def start(self, *held: int, until: str = "train") -> subprocess.Popen[bytes]:
        """Start a run that waits at the end of these epochs, before they are reported."""
        for path in self.hold.iterdir():
            path.unlink()
        for epoch in held:
            (self.hold / f"{epoch}.hold").touch()
        place = ["--until", until, "-C", str(self.workspace)]
        return subprocess.Popen(
            [sys.executable, "-m", "pipeline", "run", str(SMOKE), *self.overrides, *place],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=PROJECT,
            env={**os.environ, "HOLD": str(self.hold)},
        )

    def wait(self, epoch: int) -> None:
        """Wait until the run waits at the end of an epoch."""
        wait_until((self.hold / f"{epoch}.held").exists, 300)

    def release(self, epoch: int) -> None:
        """Let the run continue after an epoch."""
        (self.hold / f"{epoch}.go").touch()
