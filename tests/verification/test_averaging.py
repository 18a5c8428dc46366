"""Verification of averages over shifted images: all formats and runtimes, and refused faults.

``test_committees`` has those over several networks.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from campaign.tolerances.faults import Change, faults
from pipeline.artifacts.formats import FORMATS, artifact_path
from pipeline.errors import ModelError
from pipeline.runtimes.allowed.check import require_allowed
from pipeline.runtimes.keras_model import KerasPredictor
from pipeline.runtimes.onnx_layers import dense_layers, first_layer
from pipeline.runtimes.onnxruntime_python import OnnxRuntimePredictor
from pipeline.verification.comparing import compare
from pipeline.verification.reading_back import trained_network, weight_failures
from pipeline.verification.weights.onnx_network import dense_network
from pipeline.verification.weights.reading import read_here, read_isolated
from tests.support.average_reference import mean_output
from tests.support.every_runtime import (
    FLOAT32_FORMATS,
    assert_file_passes_elsewhere,
    assert_files_pass,
)
from tests.support.exported_networks import Exported

pytestmark = pytest.mark.tensorflow

OUTPUTS = [("multiclass", "softmax"), ("binary", "tanh"), ("regression", "relu")]


@pytest.fixture(scope="module", params=OUTPUTS, ids=[output for _, output in OUTPUTS])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("averaged") / "1"
    return Exported(folder, *request.param, average="shifts").write(list(FORMATS))


def test_exact_predictions_are_those_of_the_slow_definition(exported: Exported) -> None:
    found, few = exported.reference().probabilities, slice(0, 20)
    expected = mean_output(exported.models, exported.pixels[few], exported.output, shifts=True)
    np.testing.assert_allclose(found[few], expected, rtol=1e-6, atol=1e-7)


def test_files_pass_in_every_runtime(exported: Exported) -> None:
    assert_files_pass(exported)


@pytest.mark.process
@pytest.mark.parametrize("exported", OUTPUTS[:1], ids=["softmax"], indirect=True)
@pytest.mark.parametrize("name", ["onnx", "onnx_int8", "onnx_fp16"])
def test_files_pass_in_nodejs_and_the_browser(
    exported: Exported, name: str, tmp_path: Path
) -> None:
    assert_file_passes_elsewhere(exported, name, tmp_path)


def test_weights_and_places_of_pixels_are_read_back(exported: Exported) -> None:
    trained = exported.reference().trained
    assert trained is not None
    assert trained.shifts is not None
    wrong = trained.shifts.copy()
    wrong[2, 0] += 1  # a corner that no digit inks
    for name in FLOAT32_FORMATS:
        path = artifact_path(exported.folder, name)
        assert weight_failures(path, name, trained) == (), name
        [failure] = weight_failures(path, name, replace(trained, shifts=wrong)) or ("",)
        expected = (
            "its weights must be the trained ones; the places of the pixels of the shifted images "
            "differ at 1 of 3,920 places, first at pixel 0 of image 2: got 0 instead of 1"
        )
        # A SavedModel has them among the nodes of its graph, which are not read.
        assert failure.startswith("" if name == "saved_model" else expected), name


def test_places_of_pixels_are_read_in_another_process(exported: Exported) -> None:
    path = artifact_path(exported.folder, "keras")
    here, there = read_here(path, "keras"), read_isolated(path, "keras")
    assert here is not None
    assert there is not None
    assert here.shifts is not None
    np.testing.assert_array_equal(here.shifts, there.shifts)


def test_other_number_of_shifted_images_is_named(exported: Exported) -> None:
    trained = exported.reference().trained
    assert trained is not None
    assert trained.shifts is not None
    few = replace(trained, shifts=trained.shifts[:4])
    assert weight_failures(artifact_path(exported.folder, "onnx"), "onnx", few) == (
        "its weights must be the trained ones; the places of the pixels of the shifted images must "
        "be (4, 784); got (5, 784)",
    )


def test_files_are_allowed(exported: Exported) -> None:
    for name in FORMATS:
        require_allowed(artifact_path(exported.folder, name))


def places_changed(model: onnx.ModelProto, places: np.ndarray) -> None:
    [tensor] = [t for t in model.graph.initializer if t.name == "shifts.pixels"]
    tensor.CopyFrom(onnx.numpy_helper.from_array(places.astype(np.int32), tensor.name))


def faulty_averages(places: np.ndarray) -> Iterator[tuple[str, Change]]:
    """Yield faults of the average itself, by name."""
    twice, still = places[[0, 1, 1, 3, 4]], places[[0, 0, 2, 3, 4]]
    yield "a shift in the wrong direction", lambda m: places_changed(m, twice)
    yield "a shift by nothing", lambda m: places_changed(m, still)
    farther = places.copy()
    farther[4] = places[4][places[4]]
    yield "a shift by two pixels", lambda m: places_changed(m, farther)


def test_every_fault_is_refused(exported: Exported) -> None:
    """By the weights, or else by the predictions; faults of the average by both."""
    reference, path = exported.reference(), exported.folder / "faulty.onnx"
    trained = reference.trained
    assert trained is not None
    assert trained.shifts is not None
    original = onnx.load(artifact_path(exported.folder, "onnx"))
    averages = dict(faulty_averages(trained.shifts))
    known = ("factor", "other class")  # they look for nodes at the end of the graph
    others = [
        pair for pair in faults(np.random.default_rng(1), original)
        if not any(word in pair[0] for word in known)
    ]  # fmt: skip
    for name, change in [*averages.items(), *others]:
        model = onnx.ModelProto.FromString(original.SerializeToString())
        change(model)
        onnx.save(model, path)
        found = exported.result(OnnxRuntimePredictor(path))
        by_weights, by_predictions = (
            weight_failures(path, "onnx", trained),
            compare(found, reference),
        )
        assert by_weights or by_predictions, name
        if name in averages:
            assert by_weights, name
            assert by_predictions, name
    path.unlink()


def test_single_onnx_file_is_recognized(exported: Exported) -> None:
    found = dense_network(artifact_path(exported.folder, "onnx"), exported.output)
    trained = trained_network(artifact_path(exported.folder, "keras"))
    assert found is not None
    assert trained is not None
    for (name, ours), (_, theirs) in zip(found.arrays(), trained.arrays(), strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=name)


@pytest.mark.parametrize(
    "change",
    [
        {"shifts.pixels": np.full((5, 784), 784)},  # beyond the last pixel
        {"shifts.pixels": np.zeros((4, 784))},  # another number than is averaged
    ],
    ids=["beyond the image", "four"],
)
def test_similar_averages_are_not_recognized(
    exported: Exported, tmp_path: Path, change: dict[str, np.ndarray]
) -> None:
    model = onnx.load(artifact_path(exported.folder, "onnx"))
    places_changed(model, change["shifts.pixels"])
    onnx.save(model, tmp_path / "similar.onnx")
    assert dense_network(tmp_path / "similar.onnx", exported.output) is None


def test_mean_over_another_axis_is_not_recognized(exported: Exported, tmp_path: Path) -> None:
    model = onnx.load(artifact_path(exported.folder, "onnx"))
    [mean] = [node for node in model.graph.node if node.op_type == "ReduceMean"]
    [axes] = [attribute for attribute in mean.attribute if attribute.name == "axes"]
    axes.ints[:] = [2]
    onnx.save(model, tmp_path / "similar.onnx")
    assert dense_network(tmp_path / "similar.onnx", exported.output) is None


def test_first_layer_is_that_of_the_image_itself(exported: Exported) -> None:
    ours = first_layer(artifact_path(exported.folder, "onnx"))
    theirs = KerasPredictor(artifact_path(exported.folder, "keras")).first_layer()
    np.testing.assert_array_equal(ours.kernel, theirs.kernel)
    np.testing.assert_array_equal(ours.bias, theirs.bias)


def test_layers_alone_are_refused(exported: Exported) -> None:
    path = artifact_path(exported.folder, "onnx")
    with pytest.raises(ModelError) as caught:
        dense_layers(path)
    assert str(caught.value) == (
        f"{path} must be a network of dense layers in float32, whose activations are single ONNX "
        "operators such as Relu; it returns the mean of several outputs. Its weights "
        "cannot be used on their own."
    )


def test_values_between_the_nodes_have_names_for_their_rows(exported: Exported) -> None:
    """Without them, or with that of the batch, tract does not open the file."""
    graph = onnx.load(artifact_path(exported.folder, "onnx")).graph
    rows = {v.name: v.type.tensor_type.shape.dim[0].dim_param for v in graph.value_info}
    found = [rows[n.output[0]] for n in graph.node if n.op_type in ("Gather", "MatMul")]
    assert found == ["batch", "5*batch", "5*batch", "5*batch"]
