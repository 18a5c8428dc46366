"""What model files may contain: ONNX, Keras, LiteRT and OpenVINO files, read without a runtime."""

import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pipeline.artifacts.formats import FORMATS, artifact_path
from pipeline.errors import ModelError
from pipeline.runtimes.allowed.check import require_allowed
from pipeline.runtimes.allowed.litert_operators import NAMES, OPERATORS
from pipeline.runtimes.allowed.messages import MAX_FIELDS

ADVICE = (
    r"\. Model files may contain operators for arithmetic only, since others could read or write "
    r"files, or never end\. The file was not opened\. Export the model without them\.$"
)


def refused(path: Path, what: str) -> None:
    with pytest.raises(ModelError, match=f"^{path.as_posix()}.* contains {what}{ADVICE}"):
        require_allowed(path)


@pytest.mark.parametrize("file_format", FORMATS)
def test_files_of_this_pipeline_are_allowed(published: Path, file_format: str) -> None:
    require_allowed(artifact_path(published, file_format))


def onnx_file(path: Path, *nodes: onnx.NodeProto, **others: Any) -> Path:
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 2, 2, 1])
    output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 4])
    functions = others.pop("functions", [])
    inputs = [image, *others.pop("inputs", [])]
    graph = helper.make_graph(list(nodes), "g", inputs, [output], **others)
    path.write_bytes(helper.make_model(graph, functions=functions).SerializeToString())
    return path


BODY = helper.make_graph([helper.make_node("Identity", ["a"], ["b"])], "body", [], [])
RELU = helper.make_node("Relu", ["image"], ["probabilities"])
STRINGS = numpy_helper.from_array(np.array(["a"], object), "words")


@pytest.mark.parametrize(
    ("node", "what"),
    [
        (helper.make_node("Loop", ["", "c"], ["y"], body=BODY), "Loop"),
        (helper.make_node("If", ["c"], ["y"], then_branch=BODY, else_branch=BODY), "If"),
        (helper.make_node("Scan", ["c"], ["y"], body=BODY, num_scan_inputs=1), "Scan"),
        (helper.make_node("SequenceMap", ["c"], ["y"], body=BODY), "SequenceMap"),
        (helper.make_node("Relu", ["c"], ["y"], body=BODY), "Relu with a graph inside"),
        (helper.make_node("Mine", ["c"], ["y"], domain="my.own"), r"my\.own\.Mine"),
        (helper.make_node("Relu", ["c"], ["y"], domain="my.own"), r"my\.own\.Relu"),
        (helper.make_node("Scaler", ["c"], ["y"], domain="ai.onnx.ml"), r"ai\.onnx\.ml\.Scaler"),
        (helper.make_node("RandomNormal", [], ["y"], shape=[1]), "RandomNormal"),
        (helper.make_node("StringConcat", ["c", "c"], ["y"]), "StringConcat"),
        (helper.make_node("ImageDecoder", ["c"], ["y"]), "ImageDecoder"),
        (onnx.NodeProto(input=["c"], output=["y"]), r"\(unnamed\)"),
    ],
)
def test_onnx_operators(tmp_path: Path, node: onnx.NodeProto, what: str) -> None:
    refused(onnx_file(tmp_path / "model.onnx", RELU, node), what)


def test_onnx_functions_and_types(tmp_path: Path) -> None:
    opset = [helper.make_opsetid("", 18)]
    function = helper.make_function("", "Relu", ["x"], ["y"], [RELU], opset)
    refused(onnx_file(tmp_path / "f.onnx", RELU, functions=[function]), "the function Relu")
    refused(onnx_file(tmp_path / "s.onnx", RELU, initializer=[STRINGS]), "a tensor of strings")
    kinds = {
        "a value of the type sequence": helper.make_tensor_sequence_value_info("x", 1, [1]),
        "a value of the type string": helper.make_tensor_value_info("x", TensorProto.STRING, [1]),
    }
    for what, value in kinds.items():
        refused(onnx_file(tmp_path / "v.onnx", RELU, inputs=[value]), what)
    model = onnx.load(onnx_file(tmp_path / "t.onnx", RELU))
    model.training_info.add()
    onnx.save(model, tmp_path / "t.onnx")
    refused(tmp_path / "t.onnx", "training information")


def test_field_that_occurs_twice_hides_no_operator(tmp_path: Path) -> None:
    """Readers of Protocol Buffers take the last one."""
    both = b"\x22\x04Relu\x22\x04Loop"  # field 4 of a node, twice: its operator
    node = b"\x0a" + bytes([len(both)]) + both
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x3a" + bytes([len(node)]) + node)
    assert onnx.load(path).graph.node[0].op_type == "Loop"
    refused(path, "Loop")


def test_file_of_tiny_fields_is_rejected_early(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"\x08\x01" * (MAX_FIELDS + 1))
    with pytest.raises(ModelError, match=r"not a valid ONNX model: more than 2,000,000 fields"):
        require_allowed(tmp_path / "model.onnx")


def test_only_the_first_operators_are_named(tmp_path: Path) -> None:
    nodes = [helper.make_node(f"Mine{n}", ["c"], ["y"]) for n in range(7)]
    named = "Mine0, Mine1, Mine2, Mine3, Mine4 and 2 more"
    refused(onnx_file(tmp_path / "model.onnx", *nodes), named)


@pytest.mark.parametrize("name", ["none.onnx", "folder.onnx", "folder"])
def test_what_is_not_a_file_is_explained(tmp_path: Path, name: str) -> None:
    if name != "none.onnx":
        (tmp_path / name).mkdir()
    with pytest.raises(ModelError, match="is missing or is not a regular file"):
        require_allowed(tmp_path / name)


def test_file_of_unknown_kind_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "model.h5").touch()
    with pytest.raises(ModelError, match=r"its name must end in \.onnx, \.keras, \.tflite, \.xml"):
        require_allowed(tmp_path / "model.h5")


def keras_file(
    published: Path, path: Path, change: Callable[[dict[str, Any]], object], **entries: bytes
) -> Path:
    """A copy of the published file with another configuration, and further entries."""
    with zipfile.ZipFile(published / "model.keras") as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                config = json.loads(content)
                change(config)
                content = json.dumps(config).encode()
            new.writestr(name, content)
        for name, content in entries.items():
            new.writestr(name, content)
    return path


def a_layer(**values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda config: config["config"]["layers"][1].update(values)


CODE = {"class_name": "__lambda__", "config": {"value": ["4wAA", None, None]}}
FUNCTION = {"class_name": "function", "config": "system", "module": "os", "registered_name": "x"}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (a_layer(class_name="Lambda"), r"keras\.layers\.Lambda"),
        (a_layer(class_name="TFSMLayer"), r"keras\.layers\.TFSMLayer"),
        (a_layer(class_name="StringLookup"), r"keras\.layers\.StringLookup"),
        (a_layer(module="os", class_name="system"), r"os\.system"),
        (a_layer(module="mine", class_name="Dense"), r"mine\.Dense"),
        (a_layer(module=None), "Rescaling"),
        (a_layer(registered_name="mine>Dense"), r"keras\.layers\.mine>Dense"),
        (a_layer(class_name=["Dense"]), r"keras\.layers\.\['Dense'\]"),
        (a_layer(config={"scale": CODE}), "__lambda__"),
        (a_layer(config={"deep": [{"er": FUNCTION}]}), r"os\.x"),
        (a_layer(build_config={"x": FUNCTION}), r"os\.x"),
        (a_layer(compile_config={"loss": "mse"}), "a compile_config within the model"),
    ],
)
def test_keras_classes(
    published: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object], what: str
) -> None:
    refused(keras_file(published, tmp_path / "model.keras", change), what)


def test_keras_archive(published: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    refused(keras_file(published, path, dict, **{"assets/x": b""}), "the entry assets/x")
    refused(keras_file(published, path, dict, **{"../x": b""}), r"the entry \.\./x")
    with pytest.warns(UserWarning, match="Duplicate name"):
        keras_file(published, path, dict, **{"config.json": b"{}"})
    refused(path, r"the entry config\.json twice")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("model.weights.h5", bytes(10**8))
    refused(path, r"entries of 100,000,000 bytes compressed to [\d,]+")
    for content in (b"[]", b"nonsense"):
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("config.json", content)
        with pytest.raises(ModelError, match=r"model\.keras is not a valid keras model"):
            require_allowed(path)


def test_compiled_keras_file_is_allowed(published: Path, tmp_path: Path) -> None:
    """Keras does not read this part, since models are loaded without it."""
    optimizer = {"class_name": "Mine", "module": "mine", "config": {}, "registered_name": "x"}
    change = {"compile_config": {"optimizer": optimizer}}
    require_allowed(keras_file(published, tmp_path / "a.keras", lambda c: c.update(change)))


def with_operator(content: bytes, number: int) -> bytes:
    """The file with another number in place of that of FULLY_CONNECTED."""
    root = struct.unpack_from("<I", content, 0)[0]
    codes = vector(content, root, 1)
    for item in range(codes + 4, codes + 4 + 4 * struct.unpack_from("<I", content, codes)[0], 4):
        table = item + struct.unpack_from("<I", content, item)[0]
        old, new = place(content, table, 0), place(content, table, 3)
        if old and content[old] == NAMES.index("FULLY_CONNECTED"):
            changed = bytearray(content)
            changed[old] = min(number, 127)
            if new:
                struct.pack_into("<i", changed, new, number)
            return bytes(changed)
    raise AssertionError("the model has dense layers")


def place(content: bytes, table: int, field: int) -> int | None:
    fields = table - struct.unpack_from("<i", content, table)[0]
    if 4 + 2 * field >= struct.unpack_from("<H", content, fields)[0]:
        return None
    offset = struct.unpack_from("<H", content, fields + 4 + 2 * field)[0]
    return table + offset if offset else None


def vector(content: bytes, table: int, field: int) -> int:
    at = place(content, table, field)
    assert at is not None
    return at + int(struct.unpack_from("<I", content, at)[0])


@pytest.mark.parametrize("name", ["CUSTOM", "WHILE", "IF", "CALL", "DELEGATE"])
def test_litert_operators(published: Path, tmp_path: Path, name: str) -> None:
    content = (published / "model.tflite").read_bytes()
    path = tmp_path / "model.tflite"
    path.write_bytes(with_operator(content, NAMES.index(name)))
    refused(path, name)


def test_litert_file_that_is_damaged(published: Path, tmp_path: Path) -> None:
    content = (published / "model.tflite").read_bytes()
    path = tmp_path / "model.tflite"
    for damaged, reason in (
        (b"", "has the identifier TFL3"),
        (b"\xff\xff\xff\xff" + content[4:], "leads to byte 4,294,967,295, outside of the file"),
        (content[:8], "outside of the file"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(ModelError, match=f"is not a valid litert model: .*{reason}"):
            require_allowed(path)


def test_litert_names_are_those_of_the_schema() -> None:
    assert set(NAMES) > OPERATORS
    assert (NAMES[9], NAMES[32], NAMES[119], NAMES[150]) == (
        "FULLY_CONNECTED", "CUSTOM", "WHILE", "GELU"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('type="ReLU"', 'type="Loop"', "Loop"),
        ('type="ReLU" version="opset1"', 'type="Mine" version="extension"', r"extension\.Mine"),
        ('type="ReLU" version="opset1"', 'type="ReLU"', r"\.ReLU"),
        ("<layers>", '<layers><x><layer type="If" version="opset8"/></x>', "If"),
    ],
)
def test_openvino_layers(published: Path, tmp_path: Path, old: str, new: str, what: str) -> None:
    text = (published / "model.xml").read_text()
    assert old in text
    (tmp_path / "model.xml").write_text(text.replace(old, new))
    refused(tmp_path / "model.xml", what)


def test_openvino_file_without_entities_and_links(published: Path, tmp_path: Path) -> None:
    text = (published / "model.xml").read_text()
    path = tmp_path / "model.xml"
    entity = '<!DOCTYPE net [<!ENTITY x SYSTEM "file:///etc/passwd">]><net'
    for damaged, reason in (
        (text.replace("<net", entity, 1), "must not have a DOCTYPE"),
        (text[:-20], "it is not XML"),
    ):
        path.write_text(damaged)
        with pytest.raises(ModelError, match=f"is not a valid openvino model: .*{reason}"):
            require_allowed(path)
    path.write_text(text)
    path.with_suffix(".bin").symlink_to("/etc/passwd")
    refused(path, r"the link model\.bin")
