"""Compare the weights in the published files with those of the second run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.artifacts.data_set import TRAINED_MODEL_FILE
from pipeline.artifacts.formats import artifact_path
from pipeline.artifacts.stage_facts import ExportFacts, TrainFacts
from pipeline.engine.store import StageOutput
from pipeline.publishing.chain import Outputs, weights_of
from pipeline.publishing.published_folder import PublishedModel
from pipeline.verification.network import Network, Weights
from pipeline.verification.weights.digest import weights_sha256
from pipeline.verification.weights.reading import Reader, read_here, read_isolated

_KERAS = "keras"
_READABLE = (_KERAS, "onnx", "saved_model", "openvino", "litert")  # float32; names in Keras' only


@dataclass(frozen=True)
class WeightsComparison:
    """The SHA-256 in the manifest, of the published Keras file, and of the second run.

    ``read_from`` is the format that ``largest_difference`` and ``same_bits`` are from; they are
    None if the published files have no weights that can be compared.
    """

    recorded: str | None
    published: str | None
    now: str | None
    read_from: str | None = None
    same_bits: bool | None = None
    largest_difference: float | None = None

    @property
    def contradictory(self) -> bool:
        """Whether the published file does not have the weights that its manifest names."""
        return None not in (self.recorded, self.published) and self.recorded != self.published

    @property
    def same(self) -> bool:
        """Whether the second run gave the published weights, bit for bit."""
        if self.contradictory:
            return False
        if self.recorded is not None and self.now is not None:
            return self.recorded == self.now
        return bool(self.same_bits)


def compare_weights(published: PublishedModel, outputs: Outputs) -> WeightsComparison:
    """Compare the weights of a version with those of the second run."""
    provenance = published.manifest.provenance
    recorded = provenance.weights_sha256 if provenance else None
    for file_format in _READABLE:
        if file_format not in published.formats:
            continue
        found = read_published(published, file_format)
        mine = _own(file_format, outputs)
        if found is None or mine is None:
            continue
        return WeightsComparison(
            recorded=recorded,
            published=weights_sha256(found) if file_format == _KERAS else None,
            now=weights_of(outputs),
            read_from=file_format,
            same_bits=same_bits(found, mine),
            largest_difference=largest_difference(found, mine),
        )
    return WeightsComparison(recorded, None, weights_of(outputs))


def read_published(published: PublishedModel, file_format: str) -> Network | None:
    """Return the weights of a published file, read by a process of its own; None without any."""
    return _read(artifact_path(published.path, file_format), file_format, read_isolated)


def read_exported(output: StageOutput[ExportFacts], file_format: str) -> Network | None:
    """Return the weights of a file of the second run."""
    return _read(artifact_path(output.path, file_format), file_format, read_here)


def same_bits(first: Network, second: Network) -> bool:
    """Return whether two networks have the same weights, bit for bit."""
    return all(
        a is not None and b is not None and a.dtype == b.dtype and a.shape == b.shape
        and np.ascontiguousarray(a).tobytes() == np.ascontiguousarray(b).tobytes()
        for a, b in _pairs(first, second)
    )  # fmt: skip


def largest_difference(first: Network, second: Network) -> float | None:
    """Return the largest difference of a weight; None for other shapes, and if it is infinite."""
    differences = [0.0]
    for a, b in _pairs(first, second):
        if a is None or b is None or a.shape != b.shape:
            return None
        with np.errstate(invalid="ignore", over="ignore"):
            difference = np.abs(a.astype(np.float64) - b.astype(np.float64))
        differences.append(float(difference.max(initial=0.0)))
    largest = max(differences, key=lambda value: np.inf if np.isnan(value) else value)
    return largest if np.isfinite(largest) else None


def _own(file_format: str, outputs: Outputs) -> Network | None:
    if file_format == _KERAS:  # also if it is not exported
        path = outputs[TrainFacts.stage].path / TRAINED_MODEL_FILE
        return _read(path, _KERAS, read_here)
    return read_exported(outputs[ExportFacts.stage], file_format)


def _read(path: Path, file_format: str, read: Reader) -> Network | None:
    try:
        return read(path, file_format)
    except Exception:  # noqa: BLE001  (a missing package, or whatever another structure raises)
        return None


def _pairs(first: Network, second: Network) -> Iterator[tuple[Weights | None, Weights | None]]:
    """Yield the arrays that correspond; a bias that a file leaves out is 0."""
    if len(first.layers) != len(second.layers):
        yield None, None
        return
    for a, b in zip(first.layers, second.layers, strict=True):
        yield a.kernel, b.kernel
        if a.bias is not None or b.bias is not None:
            yield _bias(a.kernel, a.bias), _bias(b.kernel, b.bias)


def _bias(kernel: Weights, bias: Weights | None) -> Weights:
    return np.zeros(kernel.shape[1], np.float32) if bias is None else bias
