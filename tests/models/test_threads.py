"""``train.threads``: results depend on it, and a process has one number from beginning to end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.config import read
from pipeline.errors import ConfigError
from pipeline.models.threads import use_threads
from pipeline.stages import GRAPH
from tests.support.cores import ALL_CORES
from tests.support.paths import SMOKE

pytestmark = [pytest.mark.tensorflow, pytest.mark.process]

OVERRIDES = ("model.hidden=[128]", "train.batch_size=32", "train.epochs=1")
TRAIN = """
import hashlib
import os
import sys
if cores := sys.argv[1]:  # before BLAS counts them
    os.sched_setaffinity(0, map(int, cores.split(",")))
from pathlib import Path
from pipeline.artifacts.data_set import TRAINED_MODEL_FILE
from pipeline.config import read
from pipeline.engine.workspace import Workspace
from pipeline.progress import Silent
from pipeline.stages import run_stages
config = read(Path(sys.argv[3]), sys.argv[4:])
results = run_stages(config, Workspace(Path(sys.argv[2])), Silent(), until="evaluate")
import keras
train, evaluate = (result.output.path for result in results[-2:])
arrays = keras.models.load_model(train / TRAINED_MODEL_FILE).get_weights()
found = hashlib.sha256(b"".join(array.tobytes() for array in arrays))
print(found.hexdigest())
"""


def trained(workspace: Path, cores: list[int], threads: str) -> str:
    """Train in a process of its own; return the SHA-256 of the weights."""
    listed = ",".join(map(str, cores))
    command = [sys.executable, "-c", TRAIN, listed, str(workspace), str(SMOKE), *OVERRIDES]
    done = subprocess.run(
        [*command, f"train.threads={threads}"], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_one_thread_gives_the_bits_of_one_core(tmp_path: Path) -> None:
    """As XLA's programs show, which divide products among the threads."""
    one = trained(tmp_path / "one", ALL_CORES, "1")
    assert trained(tmp_path / "core", ALL_CORES[:1], "null") == one
    if len(ALL_CORES) > 1:
        assert trained(tmp_path / "cores", ALL_CORES, "null") != one


def test_started_process_keeps_its_number() -> None:
    import tensorflow as tf

    tf.constant(0)  # TensorFlow has started
    cores = len(os.sched_getaffinity(0))
    config = read(SMOKE, [f"train.threads={cores + 1}"])
    with pytest.raises(
        ConfigError,
        match=rf"^train\.threads is {cores + 1} in the override 'train\.threads={cores + 1}', but "
        r"TensorFlow has started in this process with null \(one thread per core\), and cannot "
        r"change that number later\. Run this configuration in a new process, or set "
        r"train\.threads=null\.$",
    ):
        use_threads(config)
    use_threads(read(SMOKE))
    use_threads(read(SMOKE, [f"train.threads={cores}"]))  # the same number


def test_trainings_and_evaluations_have_the_number_in_their_fingerprints() -> None:
    names = {stage.name: stage.reads for stage in GRAPH.stages}
    assert "train" in names["train"]
    assert "train.threads" in names["evaluate"]
