"""Verifying a single ONNX file against the reference evaluator."""

import json
import shutil
from pathlib import Path

import onnx

from tests.support.command_line import assert_error, command, in_process
from tests.support.damaged_models import change_onnx, fix_batch, rename_output
from tests.support.files import copy_package


def test_single_file_is_verified(published: Path, complete: Path, tmp_path: Path) -> None:
    shutil.copyfile(published / "model.int8.onnx", tmp_path / "mine.onnx")
    options = ["--runtime", "onnxruntime", "--runtime", "opencv", "-C", complete, "--json"]
    done = in_process("verify", tmp_path / "mine.onnx", *options)
    assert done.code == 0, done.err
    checks = json.loads(done.out)["checks"]
    assert [(c["artifact"], c["runtime"], c["passed"]) for c in checks] == [
        ("mine.onnx", "onnxruntime", True),
        ("mine.onnx", "opencv", True),
    ]
    assert {c["precision"] for c in checks} == {"int8"}
    assert all(c["accuracy"] > 0.8 for c in checks)


REVERSED = """
from pipeline.runtimes.onnxruntime_python import OnnxRuntimePredictor
from pipeline.runtimes.packages import PythonPackage
from pipeline.runtimes.registry import Runtime

class Reversed(OnnxRuntimePredictor):
    def _run(self, images):
        return super()._run(images)[:, ::-1].copy()

RUNTIME = Runtime("reversed", ("onnx",), PythonPackage("numpy", "numpy", "base"), Reversed)
"""


def test_runtime_with_other_predictions_fails(
    published: Path, complete: Path, tmp_path: Path
) -> None:
    """A copy of the package has a runtime that reverses the order of the classes."""
    copy_package(tmp_path / "pipeline")
    (tmp_path / "pipeline" / "runtimes" / "reversed.py").write_text(REVERSED)
    model = published / "model.onnx"
    done = command("verify", model, "--runtime", "reversed", "-C", complete, cwd=tmp_path)
    assert_error(
        done,
        1,
        "must give the same predictions as its reference",
        "model.onnx in reversed: the test set",
    )
    assert "FAIL" in done.out


def test_unsupported_files_are_explained(published: Path, complete: Path, tmp_path: Path) -> None:
    done = in_process("verify", published / "model.tflite", "-C", complete)
    assert_error(done, 2, "A single file to verify must be an ONNX file", "model.tflite")
    shutil.copyfile(published / "model.onnx", tmp_path / "mine.onnx")
    change_onnx(rename_output, "mine.onnx")(tmp_path)
    done = in_process("verify", tmp_path / "mine.onnx", "-C", complete)
    assert_error(done, 2, "(image: uint8 [batch, height, width, channels]) -> (probabilities:",
                 "got (image: uint8 [batch, 28, 28, 1]) -> (probs: float32 [batch,")  # fmt: skip


def test_invalid_data_set_name_is_explained(
    published: Path, complete: Path, tmp_path: Path
) -> None:
    def name_another(model: onnx.ModelProto) -> None:
        onnx.helper.set_model_props(model, {"data_set": "../../etc"})

    shutil.copyfile(published / "model.onnx", tmp_path / "mine.onnx")
    change_onnx(name_another, "mine.onnx")(tmp_path)
    done = in_process("verify", tmp_path / "mine.onnx", "-C", complete)
    assert_error(done, 2, "data.name", "'../../etc'", "the metadata of", "mine.onnx")


def test_metadata_starts_no_download(published: Path, complete: Path, tmp_path: Path) -> None:
    def name_another(model: onnx.ModelProto) -> None:
        onnx.helper.set_model_props(model, {"data_set": "cifar10"})

    shutil.copyfile(published / "model.onnx", tmp_path / "mine.onnx")
    change_onnx(name_another, "mine.onnx")(tmp_path)
    done = in_process("verify", tmp_path / "mine.onnx", "-C", complete)
    assert_error(done, 2, "The data set 'cifar10', named in", "--until data")
    assert "looking for a host" not in done.err


def claim_int8(model: onnx.ModelProto) -> None:
    props = {prop.key: prop.value for prop in model.metadata_props}
    onnx.helper.set_model_props(model, {**props, "precision": "int8"})


def reverse_labels(model: onnx.ModelProto) -> None:
    props = {prop.key: prop.value for prop in model.metadata_props}
    labels = json.dumps(json.loads(props["labels"])[::-1])
    onnx.helper.set_model_props(model, {**props, "labels": labels})


def test_metadata_is_checked(published: Path, complete: Path, tmp_path: Path) -> None:
    options = ["--runtime", "tract", "-C", complete, "--json"]
    shutil.copyfile(published / "model.onnx", tmp_path / "mine.onnx")
    change_onnx(claim_int8, "mine.onnx")(tmp_path)
    [check] = json.loads(in_process("verify", tmp_path / "mine.onnx", *options).out)["checks"]
    assert check["precision"] == "float32"
    change_onnx(reverse_labels, "mine.onnx")(tmp_path)
    done = in_process("verify", tmp_path / "mine.onnx", "-C", complete)
    assert_error(done, 2, "and the labels 0, 1, 2,", "got (image: uint8", '["9", "8"')


def test_reference_runtime_alone_is_rejected(published: Path, complete: Path) -> None:
    model = published / "model.onnx"
    done = in_process("verify", model, "--runtime", "onnx-reference", "-C", complete)
    assert_error(done, 2, "--runtime must include a runtime other than onnx-reference")
    done = in_process("verify", model, "--runtime", "litert", "-C", complete)
    assert_error(done, 2, "--runtime must include a runtime that opens onnx; got litert")
    both = ["--runtime", "onnx-reference", "--runtime", "tract", "-C", complete, "--json"]
    checks = json.loads(in_process("verify", model, *both).out)["checks"]
    assert [(c["runtime"], c["is_reference"], c["passed"]) for c in checks] == [
        ("onnx-reference", True, False),
        ("tract", False, True),
    ]


def test_fixed_batch_size_is_explained(published: Path, complete: Path, tmp_path: Path) -> None:
    shutil.copyfile(published / "model.onnx", tmp_path / "mine.onnx")
    change_onnx(fix_batch, "mine.onnx")(tmp_path)
    done = in_process("verify", tmp_path / "mine.onnx", "-C", complete)
    assert_error(done, 2, "A model file must", "got (image: uint8 [32, 28, 28, 1])")
