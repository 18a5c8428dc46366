"""Tolerances: no sound model may be refused, and no fault that changes behavior accepted.

``python -m campaign.tolerances [SEED]`` draws random networks (deep, wide, trained for long, with
tiny and huge weights, all activations and outputs) and verifies each in Keras and onnxruntime, some
in all installed runtimes. Then it damages their ONNX files, in the weights and in the graph.

A fault in the graph of a network that hardly depends on its input may change nothing beyond
rounding. It counts as accepted only if it changes a label by more than a tie, or a prediction by
more than ``NOTICEABLE`` of the span of predictions; all others are counted as without effect.
Images do not count whose prediction float32 does not determine: in deep networks with large
weights, rounding alone may change it by more than ``UNDETERMINED`` of the span.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from pipeline.artifacts.formats import FORMATS, artifact_path, formats_in
from pipeline.artifacts.model_contract import Contract, contract_for
from pipeline.config.schema import Model
from pipeline.data.sample import read_sample
from pipeline.errors import PipelineError
from pipeline.export.stage import export
from pipeline.export.trained_model import TrainedModel
from pipeline.models.dense import build_model, logits_model
from pipeline.progress import Silent
from pipeline.runtimes.isolated import WorkerResult
from pipeline.runtimes.keras_model import KerasPredictor
from pipeline.runtimes.onnxruntime_python import OnnxRuntimePredictor
from pipeline.runtimes.predictor import Predictor
from pipeline.runtimes.worker import SMALL_BATCHES
from pipeline.tasks.registry import task_named
from pipeline.tasks.task import Labels, Task
from pipeline.verification.activations.table import ACTIVATIONS
from pipeline.verification.comparing import Reference, compare, differences
from pipeline.verification.exact import exact_predictions
from pipeline.verification.reading_back import trained_network, weight_failures
from pipeline.verification.running import artifacts_in, verify

SOUND = 200
FAULTS_EACH = 4
EPOCHS = (0, 0, 1, 10, 100)  # one of these; without training, weights are scaled
TENTH = 10  # of the sound models, in all formats and all runtimes
NOTICEABLE = 1e-5
UNDETERMINED = 0.01
TIE = 1e-6  # float32 probabilities that differ by less are equal within rounding
FLOAT32_FORMATS = [name for name, item in FORMATS.items() if item.copy_of is None]
OUTPUTS = (
    ("multiclass", "softmax"),
    ("binary", "sigmoid"),
    ("binary", "tanh"),
    ("regression", "linear"),
    ("regression", "relu"),
)
CLASSES = 10

Change = Callable[[onnx.ModelProto], None]


@dataclass(frozen=True)
class Digits:
    """Digits to train on, and others to test on, uint8 (n, 28, 28, 1)."""

    train: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    test: Path
    test_labels: npt.NDArray[np.int64]


def task_for(seed: int) -> Task:
    """Return the task of the random model with this seed."""
    return task_named(*OUTPUTS[seed % len(OUTPUTS)])


def contract_of(task: Task) -> Contract:
    """Return the contract of a network for digits."""
    return contract_for(task.output(CLASSES), image_shape=(28, 28, 1))


def labels_for(task: Task, digits: npt.NDArray[np.int64]) -> Labels:
    """Return the digits, their parity, or the digits as numbers."""
    return (digits % 2 if task.name == "binary" else digits).astype(task.labels)


def read_digits(folder: Path) -> Digits:
    """Take 1,000 digits of the sample to train on, and 500 others to test on."""
    images, labels = read_sample()
    train, test = slice(1, None, 5), slice(0, None, 10)
    path = folder / "test_images.npy"
    np.save(path, images[test])
    return Digits(images[train], labels[train], path, labels[test])


def random_model(seed: int, digits: Digits, epochs: Sequence[int]) -> keras.Model:
    """Return a network that was trained, or has random weights of any magnitude."""
    rng = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    depth = int(rng.choice([0, 1, 1, 2, 2, 3, 4, 8, 16]))
    widest = 2000 if depth == 1 else 600 if depth < 4 else 80
    config = Model(
        hidden=tuple(int(np.exp(rng.uniform(0, np.log(widest)))) for _ in range(depth)),
        activation=list(ACTIVATIONS)[seed % len(ACTIVATIONS)],
        initializer=str(rng.choice(["glorot_uniform", "he_normal", "orthogonal"])),
    )
    task = task_for(seed)
    model = build_model(config, image_shape=(28, 28, 1), num_classes=CLASSES, task=task)
    if chosen := int(rng.choice(epochs)):
        _train(model, task, digits, chosen, learning_rate=float(rng.choice([1e-3, 1e-2])))
        return model
    scale = 10.0 ** rng.uniform(-8, 3)
    weights = [scale ** rng.uniform(0, 1) * w for w in model.get_weights()]
    spread = 0.1 * scale
    model.set_weights([w if w.ndim > 1 else spread * rng.normal(size=w.shape) for w in weights])
    return model


def _train(
    model: keras.Model, task: Task, digits: Digits, epochs: int, learning_rate: float
) -> None:
    logits, labels = logits_model(model), labels_for(task, digits.labels)
    logits.compile(keras.optimizers.Adam(learning_rate), task.loss())
    logits.fit(digits.train, labels, batch_size=100, epochs=epochs, verbose=0)


def export_all(model: keras.Model, task: Task, formats: list[str], folder: Path) -> None:
    """Export a model; not every format can represent every activation."""
    folder.mkdir()
    trained = TrainedModel(model, contract_of(task), {}, np.zeros((1, 28, 28, 1), np.uint8))
    for name in formats:
        with suppress(PipelineError):
            export(trained, name, folder)


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


def faults(rng: np.random.Generator, model: onnx.ModelProto) -> Iterator[tuple[str, Change]]:
    """Yield faults by name, each once in the weights or constants and once in the graph."""
    layer = int(rng.integers(len(_kernels(model))))
    yield "layer scaled by 1.001, weights", lambda m: _scale_layer(m, layer)
    yield "layer scaled by 1.001, graph", lambda m: _multiply(m, _kernels(m)[layer][0], 1.001)
    if _kernels(model)[-1][1].dims[1] == CLASSES:
        a, b = (int(index) for index in rng.choice(CLASSES, 2, replace=False))
        order = np.arange(CLASSES)
        order[[a, b]] = b, a
        yield "swapped class, weights", lambda m: _swap_columns(m, order)
        yield "swapped class, graph", lambda m: _gather(m, order)
    scale = float(rng.choice([1, 1 / 127.5, 1 / 256]))
    yield "wrong input scale, constant", lambda m: _set_scale(m, scale)
    yield "wrong input scale, graph", lambda m: _multiply(m, _first(m, "Mul"), 255 * scale)
    yield "transposed axis, weights", _transpose_kernel
    yield "transposed axis, graph", _transpose_images
    if _biases(model):
        yield "missing bias, weights", lambda m: _clear_bias(m, layer)
        yield "missing bias, graph", lambda m: _remove_bias(m, layer)
    yield "clipped output", _clip_output
    if model.graph.node[-1].op_type == "Sigmoid":
        yield "probability of the other class", _complement
    if any(node.op_type == "Mul" for node in list(model.graph.node)[-2:]):
        yield "missing factor of the logits", _lose_factor
    yield "float16, weights", _round_weights
    yield "float16, graph", lambda m: _compute_in_half(m, layer)


def _kernels(model: onnx.ModelProto) -> list[tuple[onnx.NodeProto, onnx.TensorProto]]:
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    return [(n, tensors[n.input[1]]) for n in model.graph.node if n.op_type == "MatMul"]


def _biases(model: onnx.ModelProto) -> list[tuple[onnx.NodeProto, onnx.TensorProto]]:
    tensors = {t.name: t for t in model.graph.initializer if len(t.dims) == 1}
    outputs = {node.output[0] for node, _ in _kernels(model)}
    return [
        (node, tensors[name])
        for node in model.graph.node
        if node.op_type == "Add" and outputs & set(node.input)
        for name in node.input
        if name in tensors and numpy_helper.to_array(tensors[name]).any()
    ]


def _change(tensor: onnx.TensorProto, change: Callable[[npt.NDArray[np.float32]], object]) -> None:
    values = np.asarray(change(numpy_helper.to_array(tensor).copy()), np.float32)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def _first(model: onnx.ModelProto, kind: str) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.op_type == kind)


def _insert(model: onnx.ModelProto, node: onnx.NodeProto, *new: onnx.NodeProto) -> None:
    """Pass the output of a node through new nodes that read ``before`` and write its name."""
    name = node.output[0]
    node.output[0] = f"{name}_before"
    place = list(model.graph.node).index(node) + 1
    for number, added in enumerate(new):
        added.input[0] = node.output[0] if number == 0 else new[number - 1].output[0]
        added.output[0] = name if added is new[-1] else f"{name}_{number}"
        model.graph.node.insert(place + number, added)


def _constant(model: onnx.ModelProto, values: npt.NDArray[np.generic]) -> str:
    name = f"added_{len(model.graph.initializer)}"
    model.graph.initializer.append(numpy_helper.from_array(values, name))
    return name


def _multiply(model: onnx.ModelProto, node: onnx.NodeProto, factor: float) -> None:
    name = _constant(model, np.array(factor, np.float32))
    _insert(model, node, helper.make_node("Mul", ["", name], [""]))


def _scale_layer(model: onnx.ModelProto, layer: int) -> None:
    _change(_kernels(model)[layer][1], lambda values: values * np.float32(1.001))


def _swap_columns(model: onnx.ModelProto, order: npt.NDArray[np.int64]) -> None:
    _change(_kernels(model)[-1][1], lambda values: values[:, order])
    for node, tensor in _biases(model):
        if _kernels(model)[-1][0].output[0] in node.input:
            _change(tensor, lambda values: values[order])


def _gather(model: onnx.ModelProto, order: npt.NDArray[np.int64]) -> None:
    name = _constant(model, order)
    _insert(model, model.graph.node[-1], helper.make_node("Gather", ["", name], [""], axis=1))


def _set_scale(model: onnx.ModelProto, scale: float) -> None:
    name = _first(model, "Mul").input[1]
    [tensor] = [tensor for tensor in model.graph.initializer if tensor.name == name]
    _change(tensor, lambda _: np.array(scale))


def _transpose_kernel(model: onnx.ModelProto) -> None:
    pixels = np.arange(784).reshape(28, 28).T.ravel()
    _change(_kernels(model)[0][1], lambda values: values[pixels])


def _transpose_images(model: onnx.ModelProto) -> None:
    _insert(
        model, _first(model, "Cast"), helper.make_node("Transpose", [""], [""], perm=[0, 2, 1, 3])
    )


def _clear_bias(model: onnx.ModelProto, layer: int) -> None:
    biases = _biases(model)
    _change(biases[layer % len(biases)][1], np.zeros_like)


def _remove_bias(model: onnx.ModelProto, layer: int) -> None:
    biases = _biases(model)
    node, tensor = biases[layer % len(biases)]
    [before] = [name for name in node.input if name != tensor.name]
    node.CopyFrom(helper.make_node("Identity", [before], list(node.output)))


def _clip_output(model: onnx.ModelProto) -> None:
    """Clip the output to 0.001 to 0.999, as a runtime that avoids infinite logarithms would."""
    bounds = [_constant(model, np.array(value, np.float32)) for value in (0.001, 0.999)]
    _insert(model, model.graph.node[-1], helper.make_node("Clip", ["", *bounds], [""]))


def _complement(model: onnx.ModelProto) -> None:
    """Return 1 - p: the probability of the first class."""
    one = _constant(model, np.array(1, np.float32))
    minus = helper.make_node("Neg", [""], [""])
    _insert(model, model.graph.node[-1], minus, helper.make_node("Add", ["", one], [""]))


def _lose_factor(model: onnx.ModelProto) -> None:
    """Return sigmoid(z) in place of sigmoid(2z)."""
    name = model.graph.node[-2].input[1]
    [tensor] = [tensor for tensor in model.graph.initializer if tensor.name == name]
    _change(tensor, lambda _: np.array(1))


def _round_weights(model: onnx.ModelProto) -> None:
    for _, tensor in [*_kernels(model), *_biases(model)]:
        _change(tensor, lambda values: values.astype(np.float16))


def _compute_in_half(model: onnx.ModelProto, layer: int) -> None:
    """Round the result of a layer to float16, as a runtime that computes in it would."""
    half, full = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    casts = [helper.make_node("Cast", [""], [""], to=kind) for kind in (half, full)]
    _insert(model, _kernels(model)[layer][0], *casts)


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


def sound_models(
    seed: int, count: int, digits: Digits, folder: Path, *, epochs: Sequence[int] = EPOCHS
) -> Iterator[Path]:
    """Yield folders, named by their seeds, of random models whose predictions are finite.

    Each tenth has all formats, the others those of Keras and onnxruntime.
    """
    images = np.load(digits.test)
    found = 0
    while found < count:
        model = random_model(seed, digits, epochs)
        if np.isfinite(model(images, training=False)).all():
            path = folder / str(seed)
            formats = FLOAT32_FORMATS if found % TENTH == 0 else ["keras", "onnx"]
            export_all(model, task_for(seed), formats, path)
            yield path
            found += 1
        keras.backend.clear_session()
        seed += 1


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


def main(arguments: list[str]) -> int:
    """Run the campaign; return 1 if a sound model was refused or a fault accepted."""
    seed = int(arguments[0]) if arguments else 0
    print(f"seed {seed}", flush=True)
    refused, outcomes = 0, Counter[str]()
    with tempfile.TemporaryDirectory(prefix="tolerances-") as scratch:
        digits = read_digits(Path(scratch))
        folders = []
        for folder in sound_models(seed, SOUND, digits, Path(scratch)):
            reference = reference_for(folder, digits)
            reasons = refusals(folder, reference)
            refused += bool(reasons)
            folders.append(folder)
            if "onnx" in formats_in(folder):
                outcomes += try_faults(int(folder.name), FAULTS_EACH, folder, reference)
            print(f"model {folder.name}: {reasons or 'accepted'}; {dict(outcomes)}", flush=True)
        print(f"Keras and onnxruntime: {refused} of {len(folders)} refused", flush=True)
        complete = folders[::TENTH]
        elsewhere = sum(_is_refused(folder, digits) for folder in complete)
    print(f"all runtimes: {elsewhere} of {len(complete)} refused", flush=True)
    return int(refused + elsewhere + outcomes["accepted"] > 0)


def _is_refused(folder: Path, digits: Digits) -> bool:
    """Verify all files of a model in all installed runtimes."""
    reference = reference_for(folder, digits)
    checks = verify(artifacts_in(folder, formats_in(folder)), reference, Silent())
    wrong = [(c.artifact, c.runtime, c.failures) for c in checks if c.failures]
    ran = sum(check.ran for check in checks)
    print(f"model {folder.name} in {ran} runs: {wrong or 'accepted'}", flush=True)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
