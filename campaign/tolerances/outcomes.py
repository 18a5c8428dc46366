"""Whether a file is refused, and whether a fault in it has an effect.

A fault in the graph of a network that hardly depends on its input may change nothing beyond
rounding. It counts as accepted only if it changes a label by more than a tie, or a prediction by
more than ``NOTICEABLE`` of the span of predictions; all others are counted as without effect.
Images do not count whose prediction float32 does not determine: in deep networks with large
weights, rounding alone may change it by more than ``UNDETERMINED`` of the span.
"""

from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx

from campaign.tolerances.faults import Change, faults
from campaign.tolerances.random_models import (
    FLOAT32_FORMATS,
    Digits,
    contract_of,
    labels_for,
    task_for,
)
from pipeline.artifacts.formats import artifact_path, formats_in
from pipeline.runtimes.isolated import WorkerResult
from pipeline.runtimes.keras_model import KerasPredictor
from pipeline.runtimes.onnxruntime_python import OnnxRuntimePredictor
from pipeline.runtimes.predictor import Predictor
from pipeline.runtimes.worker import SMALL_BATCHES
from pipeline.verification.comparing import Reference, compare, differences
from pipeline.verification.exact import exact_predictions
from pipeline.verification.reading_back import trained_network, weight_failures

NOTICEABLE = 1e-5
UNDETERMINED = 0.01
TIE = 1e-6  # float32 probabilities that differ by less are equal within rounding


def reference_for(folder: Path, digits: Digits) -> Reference:
    """Return the exact predictions of the Keras model in a folder, which is named by its seed."""
    task = task_for(int(folder.name))
    network = trained_network(artifact_path(folder, "keras"))
    assert network is not None, "all activations are known"
    exact = exact_predictions(network, np.load(digits.test), task)
    return Reference(
        digits.test,
        labels_for(task, digits.test_labels),
        exact.probabilities,
        contract_of(task),
        task,
        exact.allowed,
        network,
    )


def run(predictor: Predictor, reference: Reference) -> WorkerResult:
    """Predict as the worker processes do."""
    images = np.load(reference.images)
    small = {size: predictor.predict(images[:size]) for size in SMALL_BATCHES}
    return WorkerResult(predictor.contract, predictor.predict_all(images), small)


def refusals(folder: Path, reference: Reference) -> list[str]:
    """Return why the Keras and ONNX files in a folder are refused, in this process."""
    assert reference.trained is not None, "the reference is exact"
    openers = {"keras": KerasPredictor, "onnx": OnnxRuntimePredictor}
    found: list[str] = []
    for name in FLOAT32_FORMATS:
        if name in formats_in(folder):
            path = artifact_path(folder, name)
            found += weight_failures(path, name, reference.trained) or ()
            if name in openers:
                found += compare(run(openers[name](path), reference), reference)
    return found


def determined(sound: npt.NDArray[np.float32], reference: Reference) -> npt.NDArray[np.bool_]:
    """Return which images have a prediction that float32 determines, (n,)."""
    assert reference.allowed is not None, "the reference is exact"
    span = float(np.ptp(sound)) if sound.shape[1] == 1 else 1.0
    return np.asarray(reference.allowed.max(axis=1) <= UNDETERMINED * span)


def has_effect(sound: npt.NDArray[np.float32], faulty: npt.NDArray[np.float32]) -> bool:
    """Return whether a fault changes a prediction noticeably, or a label that is not tied."""
    if sound.shape[1] == 1:
        return bool(differences(sound, faulty).max() > NOTICEABLE * max(1.0, float(np.ptp(sound))))
    rows, label = np.arange(len(sound)), sound.argmax(axis=1)
    margins = sound[rows, label] - sound[rows, faulty.argmax(axis=1)]
    return bool((margins > TIE).any() or differences(sound, faulty).max() > NOTICEABLE)


def try_fault(folder: Path, change: Change, reference: Reference) -> str:
    """Return ``refused``, ``accepted``, or ``no effect`` for a fault in the ONNX file."""
    assert reference.trained is not None, "the reference is exact"
    path = folder / "faulty.onnx"
    model = onnx.load(artifact_path(folder, "onnx"))
    change(model)
    onnx.save(model, path)
    faulty = run(OnnxRuntimePredictor(path), reference)
    if weight_failures(path, "onnx", reference.trained) or compare(faulty, reference):
        return "refused"
    sound = run(OnnxRuntimePredictor(artifact_path(folder, "onnx")), reference)
    kept = determined(sound.probabilities, reference)
    if not kept.any():
        return "no effect"
    changed = has_effect(sound.probabilities[kept], faulty.probabilities[kept])
    return "accepted" if changed else "no effect"


def try_faults(seed: int, count: int, folder: Path, reference: Reference) -> Counter[str]:
    """Return the outcomes of ``count`` different faults in the ONNX file of a model."""
    outcomes: Counter[str] = Counter()
    rng = np.random.default_rng(seed)
    found = list(faults(rng, onnx.load(artifact_path(folder, "onnx"))))
    for index in rng.permutation(len(found))[:count]:
        name, change = found[index]
        outcome = try_fault(folder, change, reference)
        outcomes[outcome] += 1
        if outcome != "refused":
            print(f"  {outcome}: {name}", flush=True)
    return outcomes
