"""The exported files of each format, and which reduced-precision copies are kept."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf
from onnx import TensorProto, numpy_helper

import pipeline.export.stage as export_stage
import pipeline.verification.stage as verification_stage
from pipeline.artifacts.data_set import DataSet, Split, read_data
from pipeline.artifacts.data_source import SAMPLE, Source
from pipeline.artifacts.formats import FORMATS, artifact_files, artifact_path
from pipeline.artifacts.model_contract import contract_for
from pipeline.artifacts.stage_facts import DataFacts, EvaluateFacts, ExportFacts, Facts, TrainFacts
from pipeline.config import read
from pipeline.config.schema import Export
from pipeline.engine.context import Context
from pipeline.engine.store import StageOutput, Store
from pipeline.engine.workspace import Workspace
from pipeline.errors import ExportFailed
from pipeline.export.reduced_precision import measure_copy
from pipeline.export.stage import export
from pipeline.export.trained_model import TrainedModel
from pipeline.progress import Silent
from pipeline.publishing.candidate import Candidate
from pipeline.publishing.new_version import publish
from pipeline.publishing.published_folder import read_version
from pipeline.runtimes.onnxruntime_python import OnnxRuntimePredictor
from pipeline.tasks.registry import task_named
from tests.support.paths import SMOKE

pytestmark = pytest.mark.tensorflow

MULTICLASS = task_named("multiclass")
CONTRACT = contract_for(MULTICLASS.output(10), image_shape=(28, 28, 1))
METADATA = {"labels": "[]", "data_set": "mnist", "fingerprint": "f", "task": "multiclass"}


class Recorder(Silent):
    """Records notices."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def notice(self, text: str) -> None:
        self.notices.append(text)


@pytest.fixture(scope="module")
def trained(published: Path, complete: Path) -> TrainedModel:
    [data] = (complete / "runs" / "data").iterdir()
    model = keras.models.load_model(published / "model.keras")
    return TrainedModel(model, CONTRACT, METADATA, read_data(data).train.images[:200])


def context(workspace: Path, overrides: Sequence[str] = ()) -> Context:
    """The context of a run with the outputs of a workspace."""
    config = read(SMOKE, overrides)
    store = Store(workspace / "runs")
    kinds: tuple[type[Facts], ...] = (DataFacts, TrainFacts, EvaluateFacts, ExportFacts)
    outputs = {kind.stage: output for kind in kinds for output in store.all_of(kind)}
    prints = {name: output.fingerprint for name, output in outputs.items()}
    source = Source(SAMPLE, "a test")
    return Context(config, Workspace(workspace), source, prints, Recorder(), outputs)


@pytest.mark.parametrize("name", ["onnx", "onnx_int8", "onnx_fp16"])
def test_onnx_file_has_metadata(published: Path, name: str) -> None:
    model = onnx.load(artifact_path(published, name))
    onnx.checker.check_model(model, full_check=True)
    manifest = json.loads((published / "manifest.json").read_text())
    assert {prop.key: prop.value for prop in model.metadata_props} == {
        "task": "multiclass",
        "output": "softmax",
        "data_set": "mnist",
        "target": '"label"',
        "labels": json.dumps([str(digit) for digit in range(10)]),
        "fingerprint": manifest["stages"]["train"],
        "precision": FORMATS[name].precision,
        "preprocessing": json.dumps(
            {"name": "mnist-canonical", "size": [28, 28], "channels": 1, "fit": None}
        ),
    }
    assert (model.producer_name, model.producer_version) == (
        "dense-pipeline",
        version("dense-pipeline"),
    )
    assert model.graph.doc_string == ""
    assert {entry.domain for entry in model.opset_import} == {""}


@pytest.mark.parametrize("name", ["onnx", "onnx_int8", "onnx_fp16", "litert", "openvino"])
def test_exported_files_are_reproducible(trained: TrainedModel, tmp_path: Path, name: str) -> None:
    hashes = []
    for folder in (tmp_path / "first", tmp_path / "second"):
        folder.mkdir()
        export(replace(trained), name, folder)  # without cached properties
        files = artifact_files(folder, name)
        hashes.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in files])
    assert hashes[0] == hashes[1]


def test_files_have_the_declared_precision(published: Path) -> None:
    def dtypes(name: str) -> set[int]:
        model = onnx.load(artifact_path(published, name))
        return {tensor.data_type for tensor in model.graph.initializer if len(tensor.dims) == 2}

    assert dtypes("onnx") == {TensorProto.FLOAT}
    assert dtypes("onnx_int8") == {TensorProto.INT8}
    assert dtypes("onnx_fp16") == {TensorProto.FLOAT16}
    sizes = {name: len(artifact_path(published, name).read_bytes()) for name in
             ("onnx", "onnx_int8", "onnx_fp16")}  # fmt: skip
    assert sizes["onnx_int8"] < 0.35 * sizes["onnx"]
    assert sizes["onnx_fp16"] < 0.6 * sizes["onnx"]


def test_int8_weights_fit_in_seven_bits(published: Path) -> None:
    """Otherwise sums of products overflow on processors without VNNI."""
    model = onnx.load(artifact_path(published, "onnx_int8"))
    weights = [numpy_helper.to_array(t) for t in model.graph.initializer if len(t.dims) == 2]
    assert len(weights) == 2
    assert all(np.abs(w.astype(int)).max() <= 64 for w in weights)


@pytest.fixture(scope="module")
def encoded(published: Path) -> object:
    return tf.saved_model.load(published).signatures["serving_encoded"]


def test_encoded_images_give_the_same_predictions(
    published: Path, complete: Path, encoded: object
) -> None:
    [data] = (complete / "runs" / "data").iterdir()
    images = np.load(data / "test_images.npy")[:8]
    png = [tf.io.encode_png(image).numpy() for image in images]
    [[key, probabilities]] = encoded(image_bytes=tf.constant(png)).items()  # type: ignore[operator]
    assert key == "probabilities"
    model = keras.models.load_model(published / "model.keras")
    np.testing.assert_allclose(probabilities, model(images), rtol=0, atol=1e-6)
    jpeg = [tf.io.encode_jpeg(image, quality=100).numpy() for image in images]
    probabilities = encoded(image_bytes=tf.constant(jpeg))["probabilities"]  # type: ignore[operator]
    np.testing.assert_allclose(probabilities, model(images), rtol=0, atol=0.05)


def test_encoded_image_of_wrong_size_is_rejected(encoded: object) -> None:
    small = tf.io.encode_png(np.zeros((27, 28, 1), np.uint8)).numpy()
    with pytest.raises(tf.errors.InvalidArgumentError, match="must have 28 x 28 pixels"):
        encoded(image_bytes=tf.constant([small]))  # type: ignore[operator]
    with pytest.raises(tf.errors.InvalidArgumentError, match="Unknown image file format"):
        encoded(image_bytes=tf.constant([b"no image"]))  # type: ignore[operator]


def test_litert_file_has_only_builtin_operators(published: Path, tmp_path: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    operators = Interpreter(str(published / "model.tflite"))._get_ops_details()
    names = {operator["op_name"] for operator in operators} - {"DELEGATE"}
    assert names <= {"CAST", "MUL", "SHAPE", "STRIDED_SLICE", "PACK", "RESHAPE",
                     "FULLY_CONNECTED", "SOFTMAX"}  # fmt: skip
    image = keras.Input((28, 28, 1), dtype="uint8", name="image")
    square = keras.ops.cast(image[:, :10, :10, 0], "float32")
    model = keras.Model(image, keras.ops.linalg.inv(square)[:, 0])
    with pytest.raises(
        ExportFailed, match=r"cannot export the network as litert with built-in op.*MatrixInverse"
    ):
        export(TrainedModel(model, CONTRACT, METADATA, np.zeros(0, np.uint8)), "litert", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["onnx", "onnx_int8", "openvino"])
def test_unsupported_network_is_explained(tmp_path: Path, name: str) -> None:
    """The exact GELU needs erfc, which ONNX does not have."""
    image = keras.Input((28, 28, 1), dtype="uint8", name="image")
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    hidden = keras.layers.Dense(8, activation="gelu")(flat)
    model = keras.Model(image, keras.layers.Dense(10, activation="softmax")(hidden))
    images = np.zeros((10, 28, 28, 1), np.uint8)
    with pytest.raises(
        ExportFailed, match=f"export.formats: cannot export the network as {name}: "
    ):
        export(TrainedModel(model, CONTRACT, METADATA, images), name, tmp_path)


def data_of(validation: Split, train: Split | None = None) -> DataSet:
    return DataSet("digits", "test", ("0",), train or validation, validation, validation)


def test_copy_that_is_not_smaller_is_rejected(published: Path, tmp_path: Path) -> None:
    for name in ("model.onnx", "model.int8.onnx"):
        (tmp_path / name).write_bytes((published / "model.onnx").read_bytes())
    images = np.zeros((4, 28, 28, 1), np.uint8)
    data = data_of(Split(images, np.zeros(4, np.int64)))
    found = measure_copy(tmp_path, "onnx_int8", data, MULTICLASS, Export())
    assert found.worse_by == 0
    assert found.reason is not None
    assert "it is not smaller than model.onnx" in found.reason


def test_without_validation_labels_are_compared_with_the_original(
    published: Path, complete: Path
) -> None:
    [folder] = (complete / "runs" / "data").iterdir()
    digits = read_data(folder)
    data = data_of(Split(digits.test.images[:0], digits.test.labels[:0]), train=digits.test)
    found = measure_copy(published, "onnx_fp16", data, MULTICLASS, Export())
    predicted = [
        OnnxRuntimePredictor(published / name).predict_all(digits.test.images).argmax(axis=1)
        for name in ("model.onnx", "model.fp16.onnx")
    ]
    same = float(np.mean(predicted[0] == predicted[1]))
    assert (found.split, found.score_name, found.reason) == ("train", "agreement", None)
    assert found.score == pytest.approx(same)
    assert found.worse_by == pytest.approx(100 * (1 - same))


def test_without_validation_a_copy_with_other_labels_is_left_out(
    published: Path, complete: Path, tmp_path: Path
) -> None:
    [folder] = (complete / "runs" / "data").iterdir()
    digits = read_data(folder)
    model = onnx.load(published / "model.onnx")
    for tensor in model.graph.initializer:
        if tensor.name == "logits.bias":
            values = numpy_helper.to_array(tensor).copy()
            values[3] += 0.5
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    onnx.save(model, tmp_path / "model.fp16.onnx")
    (tmp_path / "model.onnx").write_bytes((published / "model.onnx").read_bytes())
    data = data_of(Split(digits.test.images[:0], digits.test.labels[:0]), train=digits.test)
    found = measure_copy(tmp_path, "onnx_fp16", data, MULTICLASS, Export())
    assert found.reason is not None
    assert re.match(
        r"[\d,]+ of the [\d,]+ training images \([\d.]+ %\) get a different label than "
        r"from model.onnx; without a validation set, at most 0.05 % may",
        found.reason,
    )


def test_accuracy_drop_is_in_percentage_points(published: Path, complete: Path) -> None:
    [data] = (complete / "runs" / "data").iterdir()
    digits = read_data(data)
    found = measure_copy(published, "onnx_int8", digits, MULTICLASS, Export(max_accuracy_drop=2.0))
    assert found.reason is None
    exact = measure_copy(published, "onnx_fp16", digits, MULTICLASS, Export())
    assert abs(found.worse_by) <= 1
    assert exact.score - found.score == pytest.approx(
        (found.worse_by - exact.worse_by) / 100, abs=1e-6
    )


def test_inaccurate_copy_is_left_out_and_the_run_continues(
    complete: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calibration on black images gives useless ranges for digits."""
    black = np.zeros((100, 28, 28, 1), np.uint8)
    monkeypatch.setattr(export_stage, "_evenly_spaced", lambda *_: black)
    run = context(complete, ["export.formats=[onnx,onnx_int8,onnx_fp16]"])
    facts = export_stage.run(run, tmp_path).facts
    assert facts.formats == ("onnx", "onnx_fp16")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.fp16.onnx", "model.onnx"]
    [lost] = [copy for copy in facts.copies if copy.reason]
    assert lost.worse_by > 5
    assert lost.reason is not None
    assert "its accuracy on the validation set drops by" in lost.reason
    assert "export.max_accuracy_drop allows 0.2" in lost.reason
    [notice] = run.progress.notices  # type: ignore[attr-defined]
    assert notice.startswith("model.int8.onnx is left out: its accuracy")


def with_a_wrong_scale(
    exported: StageOutput[ExportFacts], folder: Path
) -> StageOutput[ExportFacts]:
    """An output with model.onnx and an int8 copy in which the last layer's scales are doubled."""
    folder.mkdir()
    for name in ("model.onnx", "model.int8.onnx"):
        (folder / name).write_bytes((exported.path / name).read_bytes())
    model = onnx.load(folder / "model.int8.onnx")
    scale = next(
        tensor
        for tensor in model.graph.initializer
        if tensor.data_type == TensorProto.FLOAT
        and list(tensor.dims) == [10]
        and numpy_helper.to_array(tensor).min() > 0
    )
    scale.CopyFrom(numpy_helper.from_array(2 * numpy_helper.to_array(scale), scale.name))
    onnx.save(model, folder / "model.int8.onnx")
    facts = replace(exported.facts, formats=("onnx", "onnx_int8"))
    files = {name: exported.outputs[name] for name in ("model.onnx", "model.int8.onnx")}
    return replace(exported, fingerprint="f", path=folder, facts=facts, outputs=files)


def test_copy_that_fails_verification_is_left_out(complete: Path, tmp_path: Path) -> None:
    """A scale is doubled after the export; the float32 files are still published."""
    run = context(complete, ["verify.runtimes=[onnxruntime]"])
    wrong = with_a_wrong_scale(run.output(ExportFacts), tmp_path / "export")
    run = replace(run, outputs={**run.outputs, "export": wrong})
    facts = verification_stage.run(run, tmp_path).facts
    assert facts.formats == ("onnx",)
    assert facts.summary == "1 check passed, 1 failed"
    [copy] = [c for c in facts.copies if c.format == "onnx_int8"]
    assert copy.reason is not None
    assert copy.reason.startswith("in onnxruntime, the test set: the largest difference")
    assert "model.int8.onnx is left out: in onnxruntime" in run.progress.notices[0]  # type: ignore[attr-defined]
    manifest = read_version(complete / "exported/smoke/1").manifest
    update = {"formats": facts.formats, "copies": facts.copies}
    candidate = Candidate("f", wrong, manifest.model_copy(update=update))
    version_ = publish(candidate, tmp_path / "exported", label=None)
    assert not (version_.path / "model.int8.onnx").exists()
    assert (
        "`model.int8.onnx` is left out: in onnxruntime" in (version_.path / "README.md").read_text()
    )


def test_model_card_compares_copies(published: Path) -> None:
    card = (published / "README.md").read_text()
    copies = card[card.index("## Copies in lower precision") :]
    assert "- `model.int8.onnx`: " in copies
    assert "points lower; test accuracy" in copies
    manifest = json.loads((published / "manifest.json").read_text())
    ratios = [check["times_of_original"] or {} for check in manifest["verification"]]
    slower = [values for values in ratios if any(ratio >= 1.1 for ratio in values.values())]
    assert ("Slower than float32" in copies) == bool(slower)
