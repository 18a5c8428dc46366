"""Compare predictions with those of the trained model and describe all differences."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.data_set import TEST_PROBABILITIES_FILE, split_file
from pipeline.artifacts.model_contract import Contract, TensorSpec
from pipeline.runtimes.isolated import WorkerResult
from pipeline.runtimes.worker import SMALL_BATCHES
from pipeline.tasks.task import Task
from pipeline.verification.tolerances import FLOAT32_TOLERANCE

Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Reference:
    """A ``.npy`` file of the test images, their labels, int64 (n,), and Keras' predictions.

    The probabilities are float32 (n, num_classes); ``task`` defines their meaning.
    """

    images: Path
    labels: npt.NDArray[np.int64]
    probabilities: Probabilities
    contract: Contract
    task: Task


def read_reference(data: Path, evaluation: Path, contract: Contract, task: Task) -> Reference:
    """Return the reference for all artifacts, from the folders of ``data`` and ``evaluate``."""
    return Reference(
        images=data / split_file("test", "images"),
        labels=np.load(data / split_file("test", "labels")),
        probabilities=np.load(evaluation / TEST_PROBABILITIES_FILE),
        contract=contract,
        task=task,
    )


def compare(
    result: WorkerResult,
    reference: Reference,
    tolerance: float = FLOAT32_TOLERANCE,
    encoded_inputs: Sequence[str] = (),
) -> tuple[str, ...]:
    """Return everything that is wrong with a file's predictions, as sentences.

    ``encoded_inputs`` are the additional inputs that the file must have.
    """
    expected, task = reference.probabilities, reference.task
    failures = contract_failures(result.contract, reference.contract)
    failures += _value_failures("the test set", result.probabilities, expected, tolerance, task)
    for size, got in result.small_batches.items():
        name = f"the first {size} as a batch"
        failures += _value_failures(name, got, expected[:size], tolerance, task)
    for name, got in result.encoded_inputs.items():
        few = expected[: SMALL_BATCHES[-1]]
        failures += _value_failures(f"the first {len(few)} {name}", got, few, tolerance, task)
    missing = [name for name in encoded_inputs if name not in result.encoded_inputs]
    failures += [f"it must accept images {name}; got no such input" for name in missing]
    return tuple(failures)


def contract_failures(got: Contract, expected: Contract) -> list[str]:
    """Return how inputs and outputs differ from the expected ones, as sentences."""
    pairs = (("input", got.inputs, expected.inputs), ("output", got.outputs, expected.outputs))
    return [
        f"the {side} must be {_join(wanted)}; got {_join(found)}"
        for side, found, wanted in pairs
        if found != wanted
    ]


def max_abs_diff(got: Probabilities, expected: Probabilities) -> float:
    """Return max |got - expected|, computed in float64; NaN if any value is not a number."""
    return float(np.max(np.abs(got.astype(np.float64) - expected.astype(np.float64))))


def _join(specs: tuple[TensorSpec, ...]) -> str:
    return ", ".join(map(str, specs)) or "none"


def _value_failures(
    name: str, got: Probabilities, expected: Probabilities, tolerance: float, task: Task
) -> list[str]:
    if got.dtype != np.float32 or got.shape != expected.shape:
        return [
            f"{name}: predictions must be float32 {expected.shape}; got {got.dtype} {got.shape}"
        ]
    if not np.isfinite(got).all():
        bad = int((~np.isfinite(got)).any(axis=1).sum())
        of_all = f"{bad} of {len(got)} images"
        return [f"{name}: all values must be finite; got infinity or NaN for {of_all}"]
    failures = []
    difference = max_abs_diff(got, expected)
    if not difference <= tolerance:
        failures.append(
            f"{name}: the largest difference of probabilities must be at most {tolerance:g}; got "
            f"{difference:.3g}"
        )
    disagreements = task.disagreements(got, expected, tolerance)
    if disagreements:
        failures.append(f"{name}: all labels must agree; got {disagreements} that differ")
    return failures
