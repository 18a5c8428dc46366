"""Verification for two classes and for numbers: bounds, all formats, and refused faults."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest

from campaign.tolerances.faults import faults
from pipeline.artifacts.formats import FLOAT16, FORMATS, INT8, artifact_path
from pipeline.artifacts.model_contract import contract_for
from pipeline.runtimes.allowed.check import require_allowed
from pipeline.runtimes.onnxruntime_python import OnnxRuntimePredictor
from pipeline.tasks.registry import task_named
from pipeline.tasks.task import UNIT_ROUNDOFF
from pipeline.verification.activations.table import ACTIVATIONS
from pipeline.verification.comparing import Reference, compare
from pipeline.verification.exact import exact_predictions
from pipeline.verification.network import Dense, Network
from pipeline.verification.reading_back import weight_failures
from pipeline.verification.weights.onnx_network import dense_network
from pipeline.verification.weights.reading import read_here, read_isolated
from tests.support.every_runtime import FLOAT32_FORMATS, assert_files_pass
from tests.support.exported_networks import SHAPE, Exported

pytestmark = pytest.mark.tensorflow

OUTPUTS = [
    ("binary", "sigmoid"),
    ("binary", "tanh"),
    ("regression", "linear"),
    ("regression", "relu"),
]


def images(count: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(9).integers(0, 256, (count, *shape)).astype(np.uint8)


def random_network(seed: int) -> Network:
    """Return a deep, a wide or another network, with tiny to huge weights."""
    rng = np.random.default_rng(seed)
    hidden = [(), (300,), (12, 9), (8,) * 12, (40,)][seed % 5]
    scale = [1.0, 1e-3, 30.0, 1e-20, 1e3][seed // 4 % 5]
    activation = ["relu", "tanh", "linear", "silu"][seed % 4]
    layers = [
        Dense(
            (scale ** (1 / (len(hidden) + 1)) * rng.normal(size=(a, b)) / np.sqrt(a)).astype("f4"),
            (0.3 * rng.normal(size=b)).astype("f4"),
            "linear" if number == len(hidden) else activation,
        )
        for number, (a, b) in enumerate(pairwise([16, *hidden, 1]))
    ]
    return Network(np.float32(1 / 255), tuple(layers))


def outputs_in_float32(z: np.ndarray, output: str) -> list[np.ndarray]:
    """Return f(z) as runtimes compute it, each in its own way."""
    one, half = np.float32(1), np.float32(0.5)
    if output == "linear":
        return [z]
    if output == "relu":
        return [np.maximum(z, 0)]
    logit = np.float32(2) * z if output == "tanh" else z
    with np.errstate(over="ignore"):
        return [one / (one + np.exp(-logit)), half + half * np.tanh(half * logit)]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("name", "output"), OUTPUTS)
def test_float32_is_within_the_bound_in_any_order(name: str, output: str, seed: int) -> None:
    network, task, pixels = random_network(seed), task_named(name, output), images(30, (4, 4, 1))
    exact = exact_predictions(network, pixels, task)
    order = np.random.default_rng(seed)
    x = pixels.reshape(30, -1).astype(np.float32) * np.float32(1 / 255)
    for layer in network.layers:
        total = np.zeros((30, layer.kernel.shape[1]), np.float32)
        for k in order.permutation(len(layer.kernel)):
            total += x[:, k, None] * layer.kernel[k]
        z = total + (0 if layer.bias is None else layer.bias)
        x = ACTIVATIONS[layer.activation].value(z.astype(np.float64)).astype(np.float32)
    for got in outputs_in_float32(x, output):
        assert (np.abs(got - exact.probabilities) <= exact.allowed).all()


ONE = Network(
    np.float32(1 / 256),
    (Dense(np.array([[256 * 3 / 255]], "f4"), np.array([-1], "f4"), "linear"),),
)
WHITE = np.full((1, 1, 1, 1), 255, np.uint8)


@pytest.mark.parametrize(
    ("name", "output", "expected", "slope"),
    [
        ("binary", "sigmoid", 1 / (1 + np.exp(-2)), 0.105),
        ("binary", "tanh", (1 + np.tanh(2)) / 2, 2 * 0.0177),
        ("regression", "linear", 2.0, 1.0),
        ("regression", "relu", 2.0, 1.0),
    ],
)
def test_exact_output_by_hand(name: str, output: str, expected: float, slope: float) -> None:
    """z = 3 x - 1 = 2 for a white pixel, with two roundings of |3| + |-1| = 4, and one of 4.

    The sigmoid is rounded by 8 U more; the other outputs do not round.
    """
    exact = exact_predictions(ONE, WHITE, task_named(name, output))
    assert exact.probabilities[0, 0] == pytest.approx(expected, rel=1e-6)
    of_logit = (8 * np.sqrt(2) + 1) * 4 * UNIT_ROUNDOFF
    of_output = 8 * UNIT_ROUNDOFF if name == "binary" else 0
    assert exact.allowed[0, 0] == pytest.approx(slope * of_logit + of_output, rel=0.02)


def test_relu_that_is_certainly_0_must_be_0() -> None:
    negative = Network(ONE.scale, (Dense(ONE.layers[0].kernel, np.array([-9], "f4"), "linear"),))
    exact = exact_predictions(negative, WHITE, task_named("regression", "relu"))
    assert exact.probabilities[0, 0] == exact.allowed[0, 0] == 0


@pytest.fixture(scope="module", params=OUTPUTS, ids=[output for _, output in OUTPUTS])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("exported") / "1"
    return Exported(folder, *request.param).write(list(FORMATS))


def test_files_pass_in_every_runtime(exported: Exported) -> None:
    """In this process; tests/test_tasks.py has Node.js and the browser."""
    assert_files_pass(exported)


def test_weights_are_read_back(exported: Exported) -> None:
    trained = exported.reference().trained
    assert trained is not None
    assert trained.factor == (2 if exported.output == "tanh" else 1)
    for name in FLOAT32_FORMATS:
        path = artifact_path(exported.folder, name)
        assert weight_failures(path, name, trained) == (), name
        last = trained.layers[-1]
        wrong = Dense(np.nextafter(last.kernel, np.float32(9)), last.bias, "linear", "logits")
        other = Network(trained.scale, (*trained.layers[:-1], wrong), trained.factor)
        [failure] = weight_failures(path, name, other) or ("",)
        assert "the kernel of logits differs at 5 of 5 places" in failure, name


def test_factor_of_the_logits_is_read_in_another_process(exported: Exported) -> None:
    path = artifact_path(exported.folder, "keras")
    here, there = read_here(path, "keras"), read_isolated(path, "keras")
    assert here is not None
    assert there is not None
    assert here.factor == there.factor


def test_onnx_file_is_recognized_with_its_own_output_only(exported: Exported) -> None:
    for _, output in OUTPUTS:
        found = dense_network(artifact_path(exported.folder, "onnx"), output)
        assert (found is not None) == (output == exported.output), output


def test_files_are_allowed(exported: Exported) -> None:
    for name in FORMATS:
        require_allowed(artifact_path(exported.folder, name))


def test_every_fault_is_refused(exported: Exported) -> None:
    """By the weights, or else by the predictions; the graph may be wrong with the right weights."""
    reference, path = exported.reference(), exported.folder / "faulty.onnx"
    assert reference.trained is not None
    original = onnx.load(artifact_path(exported.folder, "onnx"))
    names = []
    for name, change in faults(np.random.default_rng(1), original):
        model = onnx.ModelProto.FromString(original.SerializeToString())
        change(model)
        onnx.save(model, path)
        found = exported.result(OnnxRuntimePredictor(path))
        assert weight_failures(path, "onnx", reference.trained) or compare(found, reference), name
        if name.endswith(("graph", "output", "class", "logits")):
            assert compare(found, reference), name  # weights are those of the trained network
        names.append(name)
    assert "clipped output" in names
    assert ("probability of the other class" in names) == (exported.task.name == "binary")
    assert ("missing factor of the logits" in names) == (exported.output == "tanh")
    path.unlink()


@pytest.mark.parametrize(("name", "output"), OUTPUTS)
@pytest.mark.parametrize(
    ("activation", "hidden"), [("linear", (4, 3)), ("hard_sigmoid", (4,)), ("relu", ())]
)
def test_weights_that_converters_fold_are_known(
    tmp_path: Path, name: str, output: str, activation: str, hidden: tuple[int, ...]
) -> None:
    """LiteRT multiplies the last layer by 2, and moves biases of linear layers into later ones."""
    folder = tmp_path / "1"
    exported = Exported(folder, name, output, activation=activation, hidden=hidden)
    exported.write(["keras", "litert"])
    reference = exported.reference()
    assert reference.trained is not None
    assert weight_failures(folder / "model.tflite", "litert", reference.trained) == ()


def test_tolerances_of_copies_are_shares_of_the_span() -> None:
    values = np.array([[-2.0], [6.0]], np.float32)
    assert task_named("regression").tolerance(0.25, values) == 2.0
    assert task_named("binary").tolerance(0.25, values) == 0.25
    for precision in (FLOAT16, INT8):
        reference = Reference(
            Path("none"), values[:, 0], values, contract_for(task_named("regression").output(0),
            image_shape=SHAPE), task_named("regression"),
        )  # fmt: skip
        assert reference.allowed_for(precision) == 8 * Reference(
            Path("none"), values[:, 0], values, reference.contract, task_named("binary")
        ).allowed_for(precision)
