"""The record configuration with several seeds: ``python -m benchmarks.record``.

Also what a committee of these networks reaches, and what averaging over shifted images would add.
Finished trainings are read from the workspace, and the one that was interrupted is resumed.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from benchmarks.machine import PROJECT, SCRATCH, save
from benchmarks.record_figure import draw_errors
from pipeline.api import RunResult, run
from pipeline.artifacts.data_set import TRAINED_MODEL_FILE, Split, read_data

CONFIG = PROJECT / "configs" / "record.yaml"
WORKSPACE = SCRATCH / "record"
FIGURE = PROJECT / "docs" / "figures" / "record_errors.png"
SHIFTS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))  # rows, columns
Probabilities = npt.NDArray[np.float64]


def main() -> None:
    """Train, save errors, seconds and CPU-seconds for each seed, and draw the median errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workspace", type=Path, default=WORKSPACE)
    parser.add_argument("overrides", nargs="*", help="further KEY=VALUE of the configuration")
    options = parser.parse_args()
    rows, answers = [], []
    for seed in range(options.seeds):
        row, predicted = measure(seed, options.workspace, options.overrides)
        rows.append(row)
        answers.append(predicted)
        print(row, flush=True)
    split = test_split(options.workspace, options.overrides)
    labels = np.asarray(split.labels)
    middle = int(np.argsort([row["errors"] for row in rows], kind="stable")[len(rows) // 2])
    draw_errors(split, answers[middle][0], FIGURE)
    committee = {
        "networks": num_errors(np.mean([each[0] for each in answers], axis=0), labels),
        "shifted": num_errors(np.mean([each.mean(axis=0) for each in answers], axis=0), labels),
    }
    mean = float(np.mean([row["errors"] for row in rows]))
    print(f"mean {100 - mean / 100:.2f} %, committee {committee}")
    save("record", {"rows": rows, "mean_errors": mean, "committee": committee})


def measure(seed: int, workspace: Path, overrides: list[str]) -> tuple[dict[str, Any], Any]:
    """Return the result of a seed, and the probabilities (shifts, n, classes) of the test set."""
    began = time.process_time()
    result = run(CONFIG, [f"train.seed={seed}", *overrides], workspace=workspace, until="evaluate")
    used = time.process_time() - began
    split = read_data(folder(result, "data")).test
    model = keras.models.load_model(folder(result, "train") / TRAINED_MODEL_FILE, compile=False)
    answers = np.array([predict(model, shifted(split.images, *by)) for by in SHIFTS])
    trained = next(stage for stage in result.stages if stage.name == "train")
    row = {
        "seed": seed,
        "errors": num_errors(answers[0], split.labels),
        "errors_shifted": num_errors(answers.mean(axis=0), split.labels),
        "seconds": result.seconds.stages["train"],
        "cpu_seconds": round(used, 1) if trained.status == "ran" else None,
        "epochs": len(result.history),
    }
    return row, answers


def folder(result: RunResult, stage: str) -> Path:
    """Return the output folder of a stage."""
    return Path(next(each for each in result.stages if each.name == stage).output.path)


def test_split(workspace: Path, overrides: list[str]) -> Split:
    """Return the test set."""
    result = run(CONFIG, overrides, workspace=workspace, until="data")
    return read_data(folder(result, "data")).test


def shifted(images: npt.NDArray[np.uint8], rows: int, columns: int) -> npt.NDArray[np.uint8]:
    """Return images (n, height, width, 1) moved down and right by up to one pixel, on black."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = images.shape[1:3]
    return padded[:, 1 - rows : 1 - rows + height, 1 - columns : 1 - columns + width]


def predict(model: Any, images: npt.NDArray[np.uint8]) -> Probabilities:
    """Return probabilities (n, classes)."""
    return np.asarray(model.predict(images, batch_size=1000, verbose=0), np.float64)


def num_errors(probabilities: Probabilities, labels: npt.NDArray[np.int64]) -> int:
    """Return the number of images with another label than the most probable one."""
    return int((probabilities.argmax(axis=1) != labels).sum())


if __name__ == "__main__":
    main()
