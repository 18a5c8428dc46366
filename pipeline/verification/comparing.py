"""Compare predictions with the exact ones of the trained network and describe all differences."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.data_set import (
    TEST_PROBABILITIES_FILE,
    TRAINED_MODEL_FILE,
    split_file,
)
from pipeline.artifacts.formats import FLOAT32
from pipeline.artifacts.model_contract import Contract, TensorSpec
from pipeline.runtimes.isolated import WorkerResult
from pipeline.runtimes.worker import SMALL_BATCHES
from pipeline.tasks.task import Task
from pipeline.verification.exact import Exact, exact_predictions
from pipeline.verification.network import Network
from pipeline.verification.reading_back import trained_network
from pipeline.verification.tolerances import TOLERANCES

Probabilities = npt.NDArray[np.float32]
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reference:
    """A ``.npy`` file of the test images, their labels (n,), and the expected predictions.

    ``probabilities`` (n, units) are exact, in float64, and ``allowed`` is how far a float32
    file may be from each; without ``allowed``, they are the float32 predictions of a runtime.
    ``trained`` has the weights that files must contain; ``task`` defines what predictions mean.
    """

    images: Path
    labels: npt.NDArray[Any]
    probabilities: npt.NDArray[Any]
    contract: Contract
    task: Task
    allowed: Array | None = None
    trained: Network | None = None

    def allowed_for(self, precision: str) -> float | Array:
        """Return the permitted difference of all predictions, or of each, for a precision."""
        if precision == FLOAT32 and self.allowed is not None:
            return self.allowed
        return self.task.tolerance(TOLERANCES[precision], self.probabilities)


def read_reference(
    data: Path, train: Path, evaluation: Path, contract: Contract, task: Task
) -> Reference:
    """Return the reference for all artifacts, from the folders of three stages.

    For a network whose exact predictions cannot be computed, these are Keras' own.
    """
    network = trained_network(train / TRAINED_MODEL_FILE)
    if network is not None:
        return exact_reference(data, network, contract, task)
    return Reference(
        images=data / split_file("test", "images"),
        labels=np.load(data / split_file("test", "labels")),
        probabilities=np.load(evaluation / TEST_PROBABILITIES_FILE),
        contract=contract,
        task=task,
    )


def exact_reference(data: Path, network: Network, contract: Contract, task: Task) -> Reference:
    """Return the exact predictions of a network for the test set in the folder of ``data``."""
    images = data / split_file("test", "images")
    exact: Exact = exact_predictions(network, np.load(images, mmap_mode="r"), task)
    return Reference(
        images=images,
        labels=np.load(data / split_file("test", "labels")),
        probabilities=exact.probabilities,
        contract=contract,
        task=task,
        allowed=exact.allowed,
        trained=network,
    )


def compare(
    result: WorkerResult,
    reference: Reference,
    precision: str = FLOAT32,
    encoded_inputs: Sequence[str] = (),
) -> tuple[str, ...]:
    """Return everything that is wrong with a file's predictions, as sentences.

    ``encoded_inputs`` are the additional inputs that the file must have.
    """
    parts = {"the test set": result.probabilities}
    parts |= {f"the first {n} as a batch": got for n, got in result.small_batches.items()}
    sizes = [len(reference.probabilities), *result.small_batches]
    parts |= {f"the first {SMALL_BATCHES[-1]} {n}": got for n, got in result.encoded_inputs.items()}
    sizes += [SMALL_BATCHES[-1]] * len(result.encoded_inputs)
    failures = contract_failures(result.contract, reference.contract)
    allowed = reference.allowed_for(precision)
    for (name, got), size in zip(parts.items(), sizes, strict=True):
        few = allowed[:size] if isinstance(allowed, np.ndarray) else allowed
        failures += _value_failures(name, got, reference.probabilities[:size], few, reference.task)
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


def differences(got: Probabilities, expected: npt.NDArray[Any]) -> Array:
    """Return |got - expected|, computed in float64; NaN where a value is not a number."""
    return np.asarray(np.abs(got.astype(np.float64) - expected.astype(np.float64)))


def _join(specs: tuple[TensorSpec, ...]) -> str:
    return ", ".join(map(str, specs)) or "none"


def _value_failures(
    name: str,
    got: Probabilities,
    expected: npt.NDArray[Any],
    allowed: float | Array,
    task: Task,
) -> list[str]:
    if got.dtype != np.float32 or got.shape != expected.shape:
        return [
            f"{name}: predictions must be float32 {expected.shape}; got {got.dtype} {got.shape}"
        ]
    if not np.isfinite(got).all():
        bad = int((~np.isfinite(got)).any(axis=1).sum())
        of_all = f"{bad} of {len(got)} images"
        return [f"{name}: all values must be finite; got infinity or NaN for {of_all}"]
    failures = [f"{name}: {text}" for text in _difference(got, expected, allowed)]
    disagreements = task.disagreements(got, expected, allowed)
    if disagreements:
        failures.append(f"{name}: all labels must agree; got {disagreements} that differ")
    return failures


def _difference(
    got: Probabilities, expected: npt.NDArray[Any], allowed: float | Array
) -> list[str]:
    found = differences(got, expected)
    wrong = ~(found <= allowed)
    if not wrong.any():
        return []
    if not isinstance(allowed, np.ndarray):
        return [
            f"the largest difference of predictions must be at most {allowed:.3g}; got "
            f"{found.max():.3g}"
        ]
    # A ReLU that is certainly 0 must be exactly 0.
    ratios = np.divide(found, allowed, out=np.full_like(found, np.inf), where=allowed > 0)
    image, unit = np.unravel_index(np.where(wrong, ratios, 0).argmax(), found.shape)
    return [
        "the differences from the exact predictions must be within the rounding errors of "
        f"float32; {int(wrong.sum()):,} of {wrong.size:,} are larger, above all that of output "
        f"{unit} of image {image}: {found[image, unit]:.3g}, where {allowed[image, unit]:.3g} is "
        "allowed"
    ]
