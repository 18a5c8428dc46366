"""Opening a published version: it is ready once its files and golden predictions are verified."""

import logging
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.artifacts.formats import FORMATS, artifact_name, artifact_path
from pipeline.artifacts.model_contract import Contract
from pipeline.artifacts.preprocessing import Preprocessing, drawn_subject, is_mnist
from pipeline.errors import ModelError
from pipeline.publishing.doubts import Doubts, open_doubts
from pipeline.publishing.golden import GOLDEN, require_golden
from pipeline.publishing.published_folder import PublishedModel, read_version
from pipeline.publishing.signatures import require_signed
from pipeline.runtimes.onnxruntime_python import OnnxRuntimePredictor
from pipeline.runtimes.predictor import Images, Predictor
from pipeline.runtimes.registry import choose_runtime, open_model
from pipeline.serving.answer_counts import AnswerCounts, WindowSettings, open_counts
from pipeline.serving.batching import Batcher
from pipeline.serving.errors import ServingError
from pipeline.serving.explainer import Explainer
from pipeline.serving.inference_times import times_of
from pipeline.serving.published_files import PublishedFiles
from pipeline.serving.request_counts import batches_of
from pipeline.serving.settings import Limits
from pipeline.tasks.task import Predictions, Task
from pipeline.verification.tolerances import TOLERANCES

_log = logging.getLogger(__name__)
FORMAT = "onnx"  # the only format that is served, with onnxruntime


@dataclass(frozen=True, eq=False)
class Version:
    """A version that is ready: ``batcher`` runs inference, and ``explainer`` explains its results.

    ``predictor`` computes without batching, in any thread; its results may be infinite or NaN.
    ``doubts`` tells which predictions are unsure. ``drawn`` is what a pen can draw for it, such as
    a digit, if anything; ``score`` is the first on the test set, and ``value_range`` the smallest
    and the largest label of a regression, if known. ``answers`` counts the answers.
    """

    model: str
    number: int
    contract: Contract
    class_names: tuple[str, ...]
    preprocessing: Preprocessing
    drawn: str | None
    score: tuple[str, float]
    task: Task
    doubts: Doubts
    value_range: tuple[float, float] | None
    predictor: Predictor
    batcher: Batcher
    explainer: Explainer
    files: PublishedFiles
    answers: AnswerCounts

    @property
    def text(self) -> str:
        """The number as a string, as in both protocols."""
        return str(self.number)


def open_version(
    folder: Path,
    model: str,
    limits: Limits,
    public_key: Path | None = None,
    windows: WindowSettings | None = None,
) -> Version:
    """Open a version with a single inference thread, since workers and batches scale better.

    With a ``public_key``, its signature is checked before its files.

    Raises:
        ModelError: it is not signed, too large, was altered, belongs to another model, has no ONNX
            file or golden predictions, or predicts something else here than where it was published.
    """
    published = read_version(folder, labels={})  # the catalog has them
    if public_key is not None:
        require_signed(published, public_key)
    _require_servable(published, folder, model)
    _require_small(published, limits.model_bytes)
    published.require_unaltered()
    predictor = open_model(choose_runtime("onnxruntime"), artifact_path(folder, FORMAT))
    assert isinstance(predictor, OnnxRuntimePredictor)
    predictor.use_one_thread()
    manifest = published.manifest
    task = manifest.open_task()
    digits = is_mnist(manifest.data.name, predictor.contract.image_shape)
    require_golden(predictor, folder / GOLDEN, task, TOLERANCES[FORMATS[FORMAT].precision])
    answers = open_counts(manifest, published.version, windows)
    return Version(
        model=model,
        number=published.version,
        contract=predictor.contract,
        class_names=published.class_names,
        preprocessing=manifest.picture_preprocessing,
        drawn=drawn_subject(manifest.data.name),
        score=manifest.metrics["test"].headline,
        task=task,
        doubts=open_doubts(published),
        value_range=_value_range(manifest.target, digits=digits),
        predictor=predictor,
        batcher=Batcher(
            partial(_predict, predictor, answers),
            max_images=limits.batch_images,
            seconds_per_image=_seconds_per_image(predictor),
            on_batch=batches_of(model, str(published.version)).add,
            on_result=times_of(model, str(published.version)).add_batch,
        ),
        explainer=Explainer(artifact_path(folder, FORMAT), manifest.files[artifact_name(FORMAT)]),
        files=PublishedFiles(folder, manifest.files),
        answers=answers,
    )


def _require_servable(published: PublishedModel, folder: Path, model: str) -> None:
    reasons = {
        f"it is {published.name} version {published.version}": (published.name, published.version)
        != (model, int(folder.name)),
        f"it has no ONNX file, only {', '.join(published.formats)} (add onnx to export.formats)": (
            FORMAT not in published.manifest.formats
        ),
        f"it has no {GOLDEN}": GOLDEN not in published.manifest.files,
    }
    found = [reason for reason, applies in reasons.items() if applies]
    if found:
        raise ModelError(
            f"Cannot serve {folder} as version {folder.name} of {model}: {'; '.join(found)}. "
            "Publish it again (pipeline run)."
        )


def _require_small(published: PublishedModel, max_bytes: int) -> None:
    """Check the sizes in the manifest; a file of another size is not read either."""
    size = sum(file.bytes for file in published.manifest.files.values())
    if size > max_bytes:
        raise ModelError(
            f"The files of {published.path} must have at most {max_bytes:,} bytes together; got "
            f"{size:,}. None of them were read. To serve them, start the server with a higher "
            "limit (--max-model-mb)."
        )


def _value_range(target: str | dict[str, Any], *, digits: bool) -> tuple[float, float] | None:
    """Return the range of the labels, if the target determines it."""
    if target == "scaled_value":
        return 0, 1
    return (0, 9) if target == "value" and digits else None


def predict_finite(predictor: Predictor, images: Images) -> Predictions:
    """Return predictions, float32 (n, units), for images, uint8 (n, *image_shape).

    Raises:
        ServingError: (500) one is infinity or NaN, which JSON cannot represent.
    """
    predictions = predictor.predict(images)
    if not np.isfinite(predictions).all():
        sentence = "The model returned infinity or NaN. Verify it (pipeline verify)."
        _log.error("%s", sentence)
        raise ServingError(500, sentence)
    return predictions


def _predict(predictor: Predictor, answers: AnswerCounts, images: Images) -> Predictions:
    predictions = predict_finite(predictor, images)
    answers.add(images, predictions)
    return predictions


def _seconds_per_image(predictor: Predictor) -> float:
    """Return the shortest of five inference times of one image, which is the least disturbed."""
    image = np.zeros((1, *predictor.contract.image_shape), np.uint8)
    predictor.predict(image)
    times = []
    for _ in range(5):
        started = time.perf_counter()
        predictor.predict(image)
        times.append(time.perf_counter() - started)
    return min(times)
