"""Damaged and malicious files are rejected with a clear error, never executed or fatal."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pipeline.artifacts.formats import FORMATS, artifact_files
from pipeline.errors import ModelError, PipelineError
from pipeline.publishing.published_folder import read_version
from pipeline.runtimes import onnx_file
from pipeline.runtimes.isolated import run_isolated
from pipeline.runtimes.onnx_file import require_self_contained
from pipeline.runtimes.packages import PythonPackage
from pipeline.runtimes.registry import choose_runtime, open_model, runtimes_for
from pipeline.system.protobuf_wire import fields
from tests.support.command_line import assert_error, command, in_process
from tests.support.files import copy_package
from tests.support.mutations import NATIVE_RUNTIMES, damage
from tests.support.paths import PROJECT

MUTATIONS = 200  # of a published folder; half as many of single files, which are opened


@pytest.mark.parametrize("file_format", FORMATS)
def test_mutated_published_folder_is_rejected_unopened(
    published: Path, tmp_path: Path, file_format: str
) -> None:
    shutil.copytree(published, tmp_path / "1")
    copy = read_version(tmp_path / "1")
    copy.require_unaltered()
    random_ = random.Random(0)
    for _ in range(MUTATIONS):
        path = random_.choice(artifact_files(tmp_path / "1", file_format))
        content = path.read_bytes()
        damaged = damage(content, random_)
        if damaged == content:
            continue
        path.write_bytes(damaged)
        with pytest.raises(ModelError, match=f"{path.name} has .* instead of|not have the SHA-256"):
            copy.require_unaltered()
        path.write_bytes(content)
    copy.require_unaltered()


@pytest.mark.parametrize(
    ("file_format", "runtime"), [*NATIVE_RUNTIMES.items(), ("onnx", "onnx-reference")]
)
def test_mutated_single_file_gives_a_prediction_or_an_error(
    published: Path, tmp_path: Path, file_format: str, runtime: str
) -> None:
    """No file hangs; crashes are contained, since the product opens files in a worker."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.support.mutations",
            runtime,
            file_format,
            published,
            str(MUTATIONS // 2),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout.splitlines()[-1])
    kinds = Counter(result.partition(":")[0] for result in results)
    assert kinds.total() == MUTATIONS // 2
    assert kinds["rejected"] >= MUTATIONS / 8, kinds
    assert kinds["killed by SIGALRM"] == 0, "one hung"
    assert not list(tmp_path.iterdir()), "nothing is written to the current folder"


def test_commands_reject_damaged_files(published: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "digit.npy", np.zeros((1, 28, 28, 1), np.uint8))
    content = (published / "model.onnx").read_bytes()
    path = tmp_path / "model.onnx"
    for cut in (0, 1, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:cut])
        assert_error(in_process("predict", path, tmp_path / "digit.npy"), 2, "model.onnx")
    assert_error(in_process("verify", path, "-C", tmp_path), 2, "is not a valid ONNX model")
    (tmp_path / "model.keras").write_bytes(b"PK\x03\x04garbage")
    done = in_process("predict", tmp_path / "model.keras", tmp_path / "digit.npy")
    assert_error(done, 2, "model.keras is not a valid keras model: it is not a Keras archive")


def test_crashing_runtime_is_a_failed_check(published: Path, tmp_path: Path) -> None:
    """A real segmentation fault, in a copy of the package with a runtime that causes one."""
    copy_package(tmp_path / "pipeline")
    (tmp_path / "pipeline" / "runtimes" / "crashing.py").write_text(
        "import ctypes\n"
        "from pipeline.runtimes.packages import PythonPackage\n"
        "from pipeline.runtimes.registry import Runtime\n"
        "package = PythonPackage('numpy', 'numpy', 'base')\n"
        "RUNTIME = Runtime('crashing', ('keras',), package, lambda path: ctypes.string_at(0))\n"
    )
    workspace = published.parents[2]
    done = command("verify", published, "--runtime", "crashing", "-C", workspace, cwd=tmp_path)
    assert_error(done, 1, "model.keras in crashing", "its process was killed by SIGSEGV")


SECRET = "root:x:0:0"  # noqa: S105  (the beginning of a file that must not be read)


def tensor_elsewhere(location: str) -> onnx.TensorProto:
    tensor = TensorProto(name="weights", data_type=TensorProto.FLOAT, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


def with_external_data(where: str, location: str) -> onnx.ModelProto:
    """A model whose tensor is in another file; ``where`` is the place that refers to it."""
    tensor = tensor_elsewhere(location)
    constant = helper.make_node("Constant", [], ["weights"], value=tensor)
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 2, 2, 1])
    output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 4])
    nodes, initializers, functions = [], [], []
    if where == "initializer":
        initializers = [tensor]
    elif where == "attribute":
        nodes = [constant]
    elif where == "branch":
        inner = helper.make_graph([constant], "inner", [], [])
        nodes = [helper.make_node("If", ["flag"], ["y"], then_branch=inner, else_branch=inner)]
    elif where == "function":
        opset = [helper.make_opsetid("", 18)]
        functions = [helper.make_function("mine", "f", [], ["weights"], [constant], opset)]
    graph = helper.make_graph(nodes, "g", [image], [output], initializers)
    if where == "sparse":
        graph.sparse_initializer.add().values.CopyFrom(tensor)
    return helper.make_model(graph, functions=functions)


@pytest.mark.parametrize("where", ["initializer", "attribute", "branch", "function", "sparse"])
@pytest.mark.parametrize("location", ["beside.bin", "../../etc/passwd", "/etc/passwd"])
def test_external_data_is_rejected_anywhere_in_a_model(
    tmp_path: Path, where: str, location: str
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(with_external_data(where, location).SerializeToString())
    (tmp_path / "beside.bin").write_bytes(bytes(16))
    with pytest.raises(
        ModelError, match="must contain all its tensors; got a tensor with external data"
    ):
        require_self_contained(path)


def overlong(model: onnx.ModelProto) -> bytes:
    """The same model with its tags of external data in 33 bits, which runtimes truncate to 32."""
    tensor = model.graph.initializer[0].SerializeToString()
    place = tensor.index(b"\x6a", tensor.index(b"weights"))  # field 13, the wire type of bytes
    longer = tensor[:place] + b"\xea\x80\x80\x80\x10" + tensor[place + 1 :]
    del model.graph.initializer[:]
    graph = model.graph.SerializeToString()
    graph += b"\x2a" + bytes([len(longer)]) + longer  # field 5: an initializer
    model.ClearField("graph")
    return model.SerializeToString() + b"\x3a" + length(len(graph)) + graph  # field 7


def length(number: int) -> bytes:
    """A number below 16,384 in base 128."""
    return bytes([number]) if number < 128 else bytes([number & 127 | 128, number >> 7])


def test_overlong_tags_are_rejected(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(overlong(with_external_data("initializer", "beside.bin")))
    with pytest.raises(ModelError, match="is not a valid ONNX model: "):
        require_self_contained(path)


@pytest.mark.process
def test_commands_reject_external_data(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(with_external_data("initializer", "/etc/passwd").SerializeToString())
    np.save(tmp_path / "digit.npy", np.zeros((1, 2, 2, 1), np.uint8))
    for arguments in (("predict", path, tmp_path / "digit.npy"), ("verify", path, "-C", tmp_path)):
        done = in_process(*arguments)
        assert_error(done, 2, "must contain all its tensors", "without external data")
        assert SECRET not in done.out + done.err


@pytest.mark.process
def test_commands_reject_control_flow(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(with_external_data("branch", "/etc/passwd").SerializeToString())
    np.save(tmp_path / "digit.npy", np.zeros((1, 2, 2, 1), np.uint8))
    for arguments in (("predict", path, tmp_path / "digit.npy"), ("verify", path, "-C", tmp_path)):
        done = in_process(*arguments)
        assert_error(done, 2, "model.onnx contains If.", "was not opened")


@pytest.mark.parametrize("runtime", [runtime.name for runtime in runtimes_for("onnx")])
def test_no_runtime_opens_a_file_that_is_not_allowed(tmp_path: Path, runtime: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(with_external_data("branch", "beside.bin").SerializeToString())
    chosen = replace(choose_runtime(runtime), package=PythonPackage("numpy", "numpy", "base"))
    with pytest.raises(ModelError, match="contains If"):
        open_model(chosen, path)


def test_files_without_external_data_pass(published: Path) -> None:
    for name in ("model.onnx", "model.int8.onnx", "model.fp16.onnx"):
        assert require_self_contained(published / name) == published / name


@pytest.mark.parametrize("runtime", ["onnxruntime", "onnx-reference", "opencv"])
def test_file_that_is_replaced_after_its_check_is_not_opened(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str
) -> None:
    """The bytes that were checked are opened, whatever the path leads to a moment later."""
    path, other = tmp_path / "model.onnx", tmp_path / "other.onnx"
    shutil.copy(published / "model.onnx", path)
    other.write_bytes(with_external_data("branch", "/etc/passwd").SerializeToString())

    def replace_file(message: memoryview) -> Any:
        if other.exists():
            other.replace(path)
        return fields(message)

    monkeypatch.setattr(onnx_file, "fields", replace_file)
    predictor = choose_runtime(runtime).open(path)
    assert not other.exists(), "it was replaced during the check"
    assert predictor.contract.image_shape == (28, 28, 1)
    assert predictor.predict(np.zeros((1, 28, 28, 1), np.uint8)).shape == (1, 10)


@pytest.mark.parametrize("runtime", ["onnxruntime", "onnx-reference", "opencv"])
def test_file_that_is_replaced_before_it_is_opened_is_checked_again(
    tmp_path: Path, runtime: str
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(with_external_data("branch", "beside.bin").SerializeToString())
    with pytest.raises(ModelError, match=r"model\.onnx contains If\. .* was not opened"):
        choose_runtime(runtime).open(path)  # open_model checked another file under this name


def test_named_pipe_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    os.mkfifo(path)
    expected = r"model\.onnx as an ONNX file: it must be a regular file; got a named pipe\."
    with pytest.raises(ModelError, match=expected):
        require_self_contained(path)


def test_oversized_file_is_rejected_unread(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    with path.open("wb") as file:
        file.truncate(2**31 + 1)  # sparse: takes no disk space
    with pytest.raises(ModelError, match=r"at most 2,147,483,648 bytes; got 2,147,483,649"):
        require_self_contained(path)


def test_tensor_larger_than_memory_is_an_error(published: Path, tmp_path: Path) -> None:
    """It would take 4 TB, requested by a few bytes in the file."""
    model = onnx.load(published / "model.onnx")
    size = numpy_helper.from_array(np.array([1 << 40], np.int64), "size")
    model.graph.initializer.append(size)
    model.graph.node.insert(0, helper.make_node("ConstantOfShape", ["size"], ["huge"]))
    model.graph.node.insert(1, helper.make_node("ReduceMax", ["huge"], ["most"], keepdims=0))
    [softmax] = [node for node in model.graph.node if node.op_type == "Softmax"]
    logits = softmax.input[0]
    softmax.input[0] = "sum"
    place = list(model.graph.node).index(softmax)
    model.graph.node.insert(place, helper.make_node("Add", [logits, "most"], ["sum"]))
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(PipelineError, match=r"more memory than the 2\.0 GB|(?i:size)"):
        run_isolated(choose_runtime("onnxruntime"), tmp_path / "model.onnx")


@pytest.mark.process
def test_worker_memory_is_limited() -> None:
    code = (
        "import numpy, pipeline.runtimes.worker as worker\n"
        "worker.limit_memory(10**9)\n"
        "try: numpy.ones(2 * 10**8)\n"
        "except MemoryError: print('refused')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "refused"


@pytest.mark.tensorflow
def test_code_in_a_keras_file_is_not_executed(tmp_path: Path) -> None:
    import keras

    mark = str(tmp_path / "executed")
    layers = [
        keras.Input((28, 28, 1), dtype="uint8", name="image"),
        keras.layers.Lambda(lambda x: open(mark, "w").close() or x),  # type: ignore[func-returns-value]  # noqa: PTH123
    ]
    keras.Sequential(layers).save(tmp_path / "model.keras")
    Path(mark).unlink()  # written when the layer was built here
    np.save(tmp_path / "digit.npy", np.zeros((1, 28, 28, 1), np.uint8))
    done = in_process("predict", tmp_path / "model.keras", tmp_path / "digit.npy")
    assert_error(done, 2, "model.keras contains keras.layers.Lambda", "was not opened")
    assert not Path(mark).exists()


@pytest.mark.tensorflow
def test_tflite_file_with_tensorflow_operators_is_rejected(tmp_path: Path) -> None:
    import tensorflow as tf

    image = tf.TensorSpec([None, 28, 28, 1], tf.uint8, name="image")
    module = tf.Module()
    module.serve = tf.function(
        lambda image: {"probabilities": tf.linalg.inv(tf.cast(image[:, :10, :10, 0], tf.float32))},
        input_signature=[image],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.serve.get_concrete_function()], module
    )
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    (tmp_path / "model.tflite").write_bytes(converter.convert())
    with pytest.raises(ModelError, match=r"model\.tflite contains CUSTOM Flex"):
        run_isolated(choose_runtime("litert"), tmp_path / "model.tflite")
