"""Weights read back from every format: any change is detected, whether predictions show it or not.

Formats of lower precision have other weights by design.
"""

import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from pipeline.artifacts.formats import artifact_path
from pipeline.artifacts.model_contract import contract_for
from pipeline.export.stage import export
from pipeline.export.trained_model import TrainedModel
from pipeline.progress import Silent
from pipeline.runtimes.registry import choose_runtime
from pipeline.tasks.registry import task_named
from pipeline.verification.comparing import Reference
from pipeline.verification.network import Network
from pipeline.verification.reading_back import trained_network, weight_failures
from pipeline.verification.running import artifacts_in, verify
from pipeline.verification.weights import reading
from pipeline.verification.weights.onnx_network import dense_network
from pipeline.verification.weights.reading import Reader, read_here, read_isolated
from tests.support.damaged_models import change_onnx
from tests.support.small_training import new_model

pytestmark = pytest.mark.tensorflow

CONTRACT = contract_for(task_named("multiclass").output(10), image_shape=(28, 28, 1))
FILES = {
    "keras": "model.keras",
    "litert": "model.tflite",
    "onnx": "model.onnx",
    "openvino": "model.bin",
    "saved_model": "variables/variables.data-00000-of-00001",
}


@pytest.fixture
def trained(reference: Reference) -> Network:
    assert reference.trained is not None
    return reference.trained


@pytest.fixture
def copy(published: Path, tmp_path: Path) -> Path:
    shutil.copytree(published, tmp_path / "1")
    return tmp_path / "1"


def flip_first_bit(path: Path, kernel: np.ndarray) -> None:
    """Change the lowest bit of the weight of the first pixel, a corner that no digit inks."""
    if path.suffix == ".keras":
        change_part(path, "model.weights.h5", lambda content: flip(content, kernel))
    else:
        values = kernel.T if path.suffix == ".tflite" else kernel
        path.write_bytes(flip(path.read_bytes(), values))


def flip(content: bytes, values: np.ndarray) -> bytes:
    place = content.index(np.ascontiguousarray(values).tobytes())
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def change_part(
    path: Path, part: str, change: Callable[[bytes], bytes], method: int = zipfile.ZIP_STORED
) -> None:
    """Rewrite a Keras archive with one changed part."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts[part])
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


@pytest.mark.parametrize("read", [read_here, read_isolated])
@pytest.mark.parametrize("file_format", FILES)
def test_exported_weights_are_the_trained_ones(
    published: Path, trained: Network, file_format: str, read: Reader
) -> None:
    path = artifact_path(published, file_format)
    assert weight_failures(path, file_format, trained, read=read) == ()
    assert weight_failures(path, "onnx_int8", trained, read=read) is None


def test_trained_network_is_the_same_from_another_process(published: Path) -> None:
    path = artifact_path(published, "keras")
    here, there = trained_network(path), trained_network(path, read=read_isolated)
    assert here is not None
    assert there is not None
    assert [layer.activation for layer in there.layers] == ["relu", "linear"]
    assert [name for name, _ in here.arrays()] == [name for name, _ in there.arrays()]
    assert all(
        np.array_equal(a, b) for (_, a), (_, b) in zip(here.arrays(), there.arrays(), strict=True)
    )


def test_damaged_file_is_named_from_another_process(copy: Path, trained: Network) -> None:
    path = copy / "model.keras"
    path.write_bytes(b"no archive")
    assert weight_failures(path, "keras", trained, read=read_isolated) == (
        "its weights could not be read: BadZipFile: File is not a zip file",
    )


def test_crash_and_time_limit_of_the_other_process_are_named(
    copy: Path, trained: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that kills its process, and one that waits for a pipe, in place of the reader."""
    path = copy / "model.keras"
    monkeypatch.setattr(reading, "_MODULE", "tests.support.killed")
    assert weight_failures(path, "keras", trained, read=read_isolated) == (
        "its weights could not be read: the process that read them was killed by SIGSEGV",
    )
    path.unlink()
    os.mkfifo(path)
    monkeypatch.undo()
    monkeypatch.setattr(reading, "_SECONDS", 0.01)
    assert weight_failures(path, "keras", trained, read=read_isolated) == (
        "its weights could not be read: no weights within 0.01 s",
    )


@pytest.mark.parametrize("file_format", ["onnx_int8", "onnx_fp16"])
def test_lower_precision_is_not_compared(
    published: Path, trained: Network, file_format: str
) -> None:
    assert weight_failures(artifact_path(published, file_format), file_format, trained) is None


@pytest.mark.parametrize("file_format", FILES)
def test_one_bit_of_a_weight_without_effect_is_detected(
    copy: Path, trained: Network, file_format: str
) -> None:
    kernel = trained.layers[0].kernel
    flip_first_bit(copy / FILES[file_format], kernel)
    [failure] = weight_failures(artifact_path(copy, file_format), file_format, trained) or [""]
    assert failure.startswith(
        "its weights must be the trained ones; the kernel of hidden_1 differs at 1 of 25,088 "
        "places, first at [0, 0]: got "
    )
    assert failure.endswith(f"instead of {kernel[0, 0]:.9g}")


def test_file_with_a_weight_that_no_image_shows_fails(copy: Path, reference: Reference) -> None:
    """The first pixel is black in every digit: predictions are the same."""
    assert reference.trained is not None
    flip_first_bit(copy / "model.onnx", reference.trained.layers[0].kernel)
    only = [choose_runtime("onnxruntime")]
    [check] = verify(artifacts_in(copy, ["onnx"]), reference, Silent(), only=only)
    assert not check.passed
    assert not check.weights_equal
    [failure] = check.failures
    assert "its weights must be the trained ones" in failure
    assert check.label_agreement == 1


def test_wrong_input_scale_and_number_of_layers_are_named(
    published: Path, trained: Network
) -> None:
    path = artifact_path(published, "onnx")
    other = Network(np.float32(1 / 256), trained.layers)
    assert weight_failures(path, "onnx", other) == (
        "its weights must be the trained ones; the input scale must be 0.00390625; got "
        "0.00392156886",
    )
    shallow = Network(trained.scale, trained.layers[1:])
    assert weight_failures(path, "onnx", shallow) == (
        "its weights must be the trained ones; the number of dense layers must be 1; got 2",
    )


@pytest.mark.parametrize("file_format", FILES)
def test_damaged_file_is_a_failure(copy: Path, trained: Network, file_format: str) -> None:
    path = copy / FILES[file_format]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    [failure] = weight_failures(artifact_path(copy, file_format), file_format, trained) or [""]
    assert failure.startswith("its weights could not be read: ")


def test_arrays_larger_than_the_file_are_not_read(copy: Path, trained: Network) -> None:
    """A compressed archive could unpack to any size; Keras does not compress."""
    path = copy / "model.keras"
    change_part(path, "config.json", lambda content: content, zipfile.ZIP_DEFLATED)
    [failure] = weight_failures(path, "keras", trained) or [""]
    assert "must not be compressed" in failure
    assert trained_network(path) is None


FOLDED = [
    ("hard_sigmoid", (6, 1, 4)),
    ("squareplus", (5, 3)),
    ("linear", (6, 5, 4)),
    ("celu", (5,)),
    ("leaky_relu", (1, 5)),
]


@pytest.mark.parametrize(("activation", "hidden"), FOLDED, ids=[name for name, _ in FOLDED])
@pytest.mark.parametrize("biases", [0.0, 0.1])
def test_weights_that_converters_fold_are_known(
    tmp_path: Path, activation: str, hidden: tuple[int, ...], biases: float
) -> None:
    model = new_model(activation=activation, hidden=hidden)
    rng = np.random.default_rng(0)
    weights = [w if w.ndim > 1 else biases * rng.normal(size=w.shape) for w in model.get_weights()]
    model.set_weights(weights)
    exported = TrainedModel(model, CONTRACT, {}, np.zeros((1, 28, 28, 1), np.uint8))
    formats = ["keras", "litert"] + ["onnx", "openvino"] * (activation != "celu")
    for name in formats:
        export(exported, name, tmp_path)
    network = trained_network(tmp_path / "model.keras")
    assert network is not None
    for name in formats:
        assert weight_failures(artifact_path(tmp_path, name), name, network) == (), name


CHANGES: list[Callable[[list[np.ndarray]], object]] = [
    lambda weights: weights[0].__setitem__((0, 0), 1),
    lambda weights: weights[1].__setitem__(0, 1),
    lambda weights: weights[-1].__setitem__(0, 1),
]


@pytest.mark.parametrize("change", CHANGES)
def test_changes_of_folded_weights_are_detected(
    tmp_path: Path, change: Callable[[list[np.ndarray]], object]
) -> None:
    """LiteRT moves biases of linear layers; their sum must still be the trained one."""
    model = new_model(activation="linear", hidden=(6, 5))
    model.save(tmp_path / "trained.keras")
    weights = model.get_weights()
    change(weights)
    model.set_weights(weights)
    exported = TrainedModel(model, CONTRACT, {}, np.zeros((1, 28, 28, 1), np.uint8))
    export(exported, "litert", tmp_path)
    network = trained_network(tmp_path / "trained.keras")
    assert network is not None
    failures = weight_failures(tmp_path / "model.tflite", "litert", network)
    assert failures
    assert "differs at" in failures[0]


def test_single_onnx_file_is_recognized_as_a_network(published: Path, trained: Network) -> None:
    found = dense_network(artifact_path(published, "onnx"), "softmax")
    assert found is not None
    assert found.scale == trained.scale
    assert [layer.activation for layer in found.layers] == ["relu", "linear"]
    for got, layer in zip(found.layers, trained.layers, strict=True):
        np.testing.assert_array_equal(got.kernel, layer.kernel)


def leak(model: onnx.ModelProto) -> None:
    [node] = [node for node in model.graph.node if node.op_type == "Relu"]
    node.op_type = "LeakyRelu"
    node.attribute.append(onnx.helper.make_attribute("alpha", 0.3))


def shift(model: onnx.ModelProto) -> None:
    """Add an offset to the scaled pixels."""
    offset = onnx.numpy_helper.from_array(np.array(0.1, np.float32), "offset")
    model.graph.initializer.append(offset)
    [place] = [n for n, node in enumerate(model.graph.node) if node.op_type == "Reshape"]
    [pixels] = [name for name in model.graph.node[place].input if name != "flatten.shape"]
    model.graph.node[place].input[0] = "shifted"
    model.graph.node.insert(place, onnx.helper.make_node("Add", [pixels, "offset"], ["shifted"]))


@pytest.mark.parametrize("change", [leak, shift])
def test_other_onnx_files_are_not_mistaken_for_a_known_network(
    copy: Path, change: Callable[[onnx.ModelProto], None]
) -> None:
    change_onnx(change, "model.onnx")(copy)
    assert dense_network(copy / "model.onnx", "softmax") is None


def lose_slope(model: onnx.ModelProto) -> None:
    """ONNX' own slope is 0.01, Keras' is 0.2."""
    [node] = [node for node in model.graph.node if node.op_type == "Relu"]
    node.op_type = "LeakyRelu"


def swap_operands(model: onnx.ModelProto) -> None:
    node = next(node for node in model.graph.node if node.op_type == "MatMul")
    node.input[:] = list(node.input)[::-1]


def normalize_over_the_batch(model: onnx.ModelProto) -> None:
    [node] = [node for node in model.graph.node if node.op_type == "Softmax"]
    node.attribute.append(onnx.helper.make_attribute("axis", 0))


@pytest.mark.parametrize("change", [lose_slope, swap_operands, normalize_over_the_batch])
def test_similar_graphs_are_not_recognized(
    published: Path, tmp_path: Path, change: Callable[[onnx.ModelProto], None]
) -> None:
    model = onnx.load(artifact_path(published, "onnx"))
    onnx.save(model, tmp_path / "same.onnx")
    assert dense_network(tmp_path / "same.onnx", "softmax") is not None
    change(model)
    onnx.save(model, tmp_path / "other.onnx")
    assert dense_network(tmp_path / "other.onnx", "softmax") is None
