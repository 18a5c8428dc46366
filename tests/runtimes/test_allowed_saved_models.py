"""What SavedModels may contain: TensorFlow programs that do more than arithmetic are not opened."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from pipeline.artifacts.files import describe_files
from pipeline.artifacts.serialization import to_json
from pipeline.errors import ModelError
from pipeline.runtimes.allowed.check import require_allowed
from tests.support.command_line import assert_error, in_process
from tests.support.paths import PROJECT

pytestmark = pytest.mark.tensorflow
IMAGE = tf.TensorSpec([None, 28, 28, 1], tf.uint8, name="image")


def predictions(image: Any) -> dict[str, Any]:
    return {"probabilities": tf.nn.softmax(tf.reshape(tf.cast(image, tf.float32), [-1, 784]))}


def save(folder: Path, serve: Callable[[Any], Any], **tracked: Any) -> Path:
    module = tf.Module()
    for name, value in tracked.items():
        setattr(module, name, value)
    function = tf.function(serve, input_signature=[IMAGE])
    tf.saved_model.save(module, folder, signatures={"serving_default": function})
    return folder


def change(folder: Path, edit: Callable[[Any], object]) -> None:
    """Change the one graph of a SavedModel."""
    path = folder / "saved_model.pb"
    model = SavedModel.FromString(path.read_bytes())
    edit(model.meta_graphs[0])
    path.write_bytes(model.SerializeToString())


def refused(folder: Path, what: str) -> None:
    with pytest.raises(ModelError, match=rf"saved_model\.pb contains .*{what}.*was not opened"):
        require_allowed(folder)


def after(operation: Callable[[], Any]) -> Callable[[Any], Any]:
    """Return a signature that runs an operation before it predicts."""

    def serve(image: Any) -> dict[str, Any]:
        done = operation()
        with tf.control_dependencies([done] if done is not None else []):
            return predictions(tf.identity(image))

    return serve


def in_a_loop(operation: Callable[[], Any]) -> Callable[[], Any]:
    def run() -> Any:
        def body(count: Any) -> Any:
            with tf.control_dependencies([operation()]):
                return count + 1

        return tf.while_loop(lambda count: count < 1, body, [tf.constant(0)])[0]

    return run


ELSEWHERE = "/elsewhere"  # never opened


def write() -> Any:
    return tf.io.write_file(ELSEWHERE, "x")


@pytest.mark.parametrize(
    ("operation", "what"),
    [
        (write, "WriteFile"),
        (in_a_loop(write), "WriteFile"),
        (lambda: tf.io.read_file("/etc/passwd"), "ReadFile"),
        (lambda: tf.io.matching_files("/*"), "MatchingFiles"),
        (lambda: tf.print("x", output_stream="file:///tmp/x"), "PrintV2"),
        (lambda: tf.py_function(lambda: 1, [], tf.int32), "EagerPyFunc"),
        (lambda: tf.random.normal([1]), "RandomStandardNormal"),
        (lambda: tf.raw_ops.SaveV2(prefix=ELSEWHERE, tensor_names=["a"], shape_and_slices=[""],
                                   tensors=[tf.constant(1)]), "SaveV2"),
        (lambda: tf.raw_ops.RestoreV2(prefix=ELSEWHERE, tensor_names=["a"], shape_and_slices=[""],
                                      dtypes=[tf.int32])[0], "RestoreV2"),
    ],
)  # fmt: skip
def test_operators_in_signatures(tmp_path: Path, operation: Callable[[], Any], what: str) -> None:
    refused(save(tmp_path / "1", after(operation)), what)


def test_changed_variables_tables_and_assets(tmp_path: Path) -> None:
    variable = tf.Variable(1.0)
    changing = save(tmp_path / "1", after(lambda: variable.assign_add(1.0)), variable=variable)
    refused(changing, "AssignAddVariableOp")
    (tmp_path / "words.txt").write_text("a\n")
    words = tf.lookup.TextFileInitializer(
        str(tmp_path / "words.txt"), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE,
        tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER)  # fmt: skip
    table = tf.lookup.StaticHashTable(words, -1)
    refused(save(tmp_path / "2", predictions, table=table), r"the asset words\.txt")
    change(tmp_path / "2", lambda meta: meta.ClearField("asset_file_def"))
    refused(tmp_path / "2", "HashTableV2, InitializeTableFromTextFileV2.*a resource")


def test_networks_of_keras_are_allowed(tmp_path: Path) -> None:
    """Also as Keras exports them, and with the layers as objects of the SavedModel."""
    layers = keras.layers
    model = keras.Sequential([
        keras.Input((28, 28, 1), dtype="uint8", name="image"), layers.Rescaling(1 / 255),
        layers.Conv2D(2, 3, padding="same"), layers.BatchNormalization(), layers.ReLU(),
        layers.MaxPooling2D(), layers.SeparableConv2D(2, 3), layers.LayerNormalization(),
        layers.Conv2DTranspose(2, 3), layers.UpSampling2D(), layers.GroupNormalization(1),
        layers.ZeroPadding2D(), layers.GlobalAveragePooling2D(), layers.Dense(10, "softmax"),
    ])  # fmt: skip
    model.export(tmp_path / "1", verbose=False)
    require_allowed(tmp_path / "1")
    save(tmp_path / "2", lambda image: {"probabilities": model(image)}, model=model)
    require_allowed(tmp_path / "2")
    model.save(tmp_path / "model.keras")
    require_allowed(tmp_path / "model.keras")


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A SavedModel with a variable, and so with functions that save and restore it."""
    variable = tf.Variable(2.0)

    def serve(image: Any) -> dict[str, Any]:
        return {"probabilities": predictions(image)["probabilities"] * variable}

    folder = save(tmp_path / "plain", serve, variable=variable)
    require_allowed(folder)
    return folder


def function_named(meta: Any, part: str) -> Any:
    [found] = [f for f in meta.graph_def.library.function if part in f.signature.name]
    return found


def call(function: str, name: str = "extra") -> Any:
    """A node that calls a function."""
    node = tf.compat.v1.NodeDef(name=name, op="StatefulPartitionedCall")
    node.attr["f"].func.name = function
    return node


def saver_called_by_a_signature(meta: Any) -> None:
    save_function = function_named(meta, "traced_save").signature.name
    function_named(meta, "signature_wrapper").node_def.append(call(save_function))


def saver_as_operator(meta: Any) -> None:
    name = function_named(meta, "traced_save").signature.name
    function_named(meta, "signature_wrapper").node_def.add(name="extra", op=name)


def saver_called_by_the_graph(meta: Any) -> None:
    meta.graph_def.node.append(call(function_named(meta, "traced_save").signature.name))


def saver_as_gradient(meta: Any) -> None:
    name = function_named(meta, "traced_save").signature.name
    meta.graph_def.library.gradient.add(function_name="Relu", gradient_func=name)


def saver_as_object(meta: Any) -> None:
    name = function_named(meta, "traced_restore").signature.name
    meta.object_graph_def.nodes.add().bare_concrete_function.concrete_function_name = name


def saver_as_input(meta: Any) -> None:
    meta.graph_def.node.add(name="extra", op="NoOp", input=[f"^{meta.saver_def.restore_op_name}"])


def saver_as_output(meta: Any) -> None:
    output = meta.signature_def["serving_default"].outputs["probabilities"]
    output.name = meta.saver_def.save_tensor_name


def saver_as_initializer(meta: Any) -> None:
    collection = meta.collection_def["saved_model_main_op"].node_list
    collection.value.append(meta.saver_def.restore_op_name)


def signature_as_saver(meta: Any) -> None:
    """The signature's own node is declared to be the saver's."""
    meta.saver_def.save_tensor_name = "StatefulPartitionedCall:0"
    function_named(meta, "inference_serve").node_def.add(name="extra", op="WriteFile")


def another_operator_in_the_saver(meta: Any) -> None:
    function_named(meta, "traced_save").node_def.add(name="extra", op="WriteFile")


@pytest.mark.parametrize(
    "edit",
    [
        saver_called_by_a_signature,
        saver_as_operator,
        saver_called_by_the_graph,
        saver_as_gradient,
        saver_as_object,
        saver_as_input,
        saver_as_output,
        saver_as_initializer,
        signature_as_saver,
        another_operator_in_the_saver,
    ],
)
def test_savers_cannot_be_used_otherwise(plain: Path, edit: Callable[[Any], None]) -> None:
    change(plain, edit)
    refused(plain, "RestoreV2|SaveV2|WriteFile")


def test_objects_with_code_of_libraries(plain: Path) -> None:
    change(plain, lambda m: m.object_graph_def.nodes.add(registered_name="tf.Mine"))
    refused(plain, r"an object of the type tf\.Mine")
    kind = {"identifier": "tf_deprecated_optimizer"}
    change(plain, lambda m: m.object_graph_def.nodes.add(user_object=kind))
    refused(plain, "an object of the type tf_deprecated_optimizer")


@pytest.mark.parametrize("edit", ["none", "two", "old"])
def test_graphs_of_tensorflow_1_are_rejected(plain: Path, edit: str) -> None:
    path = plain / "saved_model.pb"
    model = SavedModel.FromString(path.read_bytes())
    if edit == "old":
        model.meta_graphs[0].ClearField("object_graph_def")
    if edit == "two":
        model.meta_graphs.append(model.meta_graphs[0])
    path.write_bytes(b"" if edit == "none" else model.SerializeToString())
    with pytest.raises(ModelError, match="must have one graph, written by TensorFlow 2"):
        require_allowed(plain)


@pytest.mark.parametrize("name", ["saved_model.cpb", "saved_model.pbtxt"])
def test_other_graphs_in_the_folder(plain: Path, name: str) -> None:
    (plain / name).touch()
    refused(plain, f"the file {name}")


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.index", "variables"])
def test_links_that_lead_outside(plain: Path, tmp_path: Path, name: str) -> None:
    (plain / name).rename(tmp_path / "elsewhere")
    (plain / name).symlink_to(tmp_path / "elsewhere")
    refused(plain, f"the link {Path(name).name}")


def test_links_inside_are_allowed(plain: Path) -> None:
    """As Kubernetes mounts files."""
    (plain / "variables").rename(plain / "..data")
    (plain / "variables").symlink_to("..data")
    require_allowed(plain)


def publish(source: Path, folder: Path) -> None:
    """Add a manifest with matching hashes to a SavedModel, as anyone can."""
    manifest = json.loads((source / "manifest.json").read_text())
    manifest["formats"], manifest["signatures"] = ["saved_model"], ["serving_default"]
    manifest["files"] = to_json(describe_files(folder))
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def hostile(smoke: Path, tmp_path: Path) -> Path:
    """A published folder whose model writes a file; its hashes match."""
    mark = str(tmp_path / "mark")
    folder = save(tmp_path / "m" / "1", after(lambda: tf.io.write_file(mark, "x")))
    publish(smoke / "exported" / "smoke" / "1", folder)
    return folder


def test_published_folder_runs_no_code(hostile: Path, smoke: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "digit.npy", np.zeros((28, 28), np.uint8))
    done = in_process("predict", hostile, tmp_path / "digit.npy")
    assert_error(done, 2, f"{hostile}/saved_model.pb contains WriteFile", "was not opened")
    done = in_process("verify", hostile, "-C", smoke, "--json")
    assert done.code == 1, done.err
    checks = json.loads(done.out)["checks"]
    assert {check["runtime"] for check in checks if not check["passed"]} >= {"tensorflow"}
    for check in checks:
        assert "WriteFile" in check["failures"][0]
    assert not (tmp_path / "mark").exists()


def test_onnx_is_preferred(smoke: Path, hostile: Path, tmp_path: Path) -> None:
    """A folder that has both is predicted without TensorFlow."""
    source = smoke / "exported" / "smoke" / "1"
    shutil.copyfile(source / "model.onnx", hostile / "model.onnx")
    (hostile / "manifest.json").unlink()
    publish(source, hostile)
    manifest = json.loads((hostile / "manifest.json").read_text())
    manifest["formats"].append("onnx")
    (hostile / "manifest.json").write_text(json.dumps(manifest))
    np.save(tmp_path / "digit.npy", np.zeros((28, 28), np.uint8))
    done = in_process("predict", hostile, tmp_path / "digit.npy")
    assert done.code == 0, done.err
    assert not (tmp_path / "mark").exists()


def test_saved_model_runs_in_another_process(smoke: Path) -> None:
    """TensorFlow is not even imported here; the process ends with the predictor."""
    code = (
        "import sys, numpy as np, pipeline\n"
        "from pathlib import Path\n"
        "model = pipeline.load_model(sys.argv[1], runtime='tensorflow')\n"
        "assert 'tensorflow' not in sys.modules\n"
        "images = np.zeros((5, 28, 28, 1), np.uint8)\n"
        "first, second = model.predict(images), model.predict(images)\n"
        "assert first.shape == (5, 10) and (first == second).all()\n"
        "worker = Path('/proc', str(model._worker._process.pid))\n"
        "assert worker.exists()\n"
        "del model\n"
        "assert not worker.exists()\n"
    )
    model = smoke / "exported" / "smoke" / "1"
    done = subprocess.run(
        [sys.executable, "-c", code, model],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
