"""A single ONNX file: proven against the reference evaluator, or explained."""

import json
import shutil
from pathlib import Path

import onnx

from tests.support.command_line import assert_error, command
from tests.support.damaged_models import change_onnx, fix_batch, rename_output
from tests.support.files import copy_package


def test_a_single_file_is_proven_too(published: Path, complete: Path, tmp_path: Path) -> None:
    shutil.copyfile(published / "model.int8.onnx", tmp_path / "mine.onnx")
    options = ["--runtime", "onnxruntime", "--runtime", "opencv", "-C", complete, "--json"]
    done = command("verify", tmp_path / "mine.onnx", *options)
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


def test_a_runtime_that_answers_otherwise_fails(
    published: Path, complete: Path, tmp_path: Path
) -> None:
    """In a copy of the package with a runtime that tells the classes from the last to the first."""
    copy_package(tmp_path / "pipeline")
    (tmp_path / "pipeline" / "runtimes" / "reversed.py").write_text(REVERSED)
    model = published / "model.onnx"
    done = command("verify", model, "--runtime", "reversed", "-C", complete, cwd=tmp_path)
    assert_error(
        done, 1, "must answer as its reference does", "model.onnx in reversed: the test set"
    )
    assert "FAIL" in done.out


def test_other_single_files_are_explained(published: Path, complete: Path, tmp_path: Path) -> None:
    done = command("verify", published / "model.tflite", "-C", complete)
    assert_error(done, 2, "A file to verify must end in .onnx", "model.tflite")
    shutil.copyfile(published / "model.onnx", tmp_path / "mine.onnx")
    change_onnx(rename_output, "mine.onnx")(tmp_path)
    done = command("verify", tmp_path / "mine.onnx", "-C", complete)
    assert_error(done, 2, "(image: uint8 [batch, height, width, channels]) -> (probabilities:",
                 "got (image: uint8 [batch, 28, 28, 1]) -> (probs: float32 [batch,")  # fmt: skip


def test_a_file_with_a_strange_data_set_is_explained(
    published: Path, complete: Path, tmp_path: Path
) -> None:
    def name_another(model: onnx.ModelProto) -> None:
        onnx.helper.set_model_props(model, {"data_set": "../../etc"})

    shutil.copyfile(published / "model.onnx", tmp_path / "mine.onnx")
    change_onnx(name_another, "mine.onnx")(tmp_path)
    done = command("verify", tmp_path / "mine.onnx", "-C", complete)
    assert_error(done, 2, "data.name", "'../../etc'", "the metadata of", "mine.onnx")


def test_a_file_starts_no_download(published: Path, complete: Path, tmp_path: Path) -> None:
    def name_another(model: onnx.ModelProto) -> None:
        onnx.helper.set_model_props(model, {"data_set": "cifar10"})

    shutil.copyfile(published / "model.onnx", tmp_path / "mine.onnx")
    change_onnx(name_another, "mine.onnx")(tmp_path)
    done = command("verify", tmp_path / "mine.onnx", "-C", complete)
    assert_error(done, 2, "must be on this machine; got 'cifar10'", "--until data")
    assert "looking for a host" not in done.err


def lie_about_precision(model: onnx.ModelProto) -> None:
    props = {prop.key: prop.value for prop in model.metadata_props}
    onnx.helper.set_model_props(model, {**props, "precision": "int8"})


def reverse_labels(model: onnx.ModelProto) -> None:
    props = {prop.key: prop.value for prop in model.metadata_props}
    labels = json.dumps(json.loads(props["labels"])[::-1])
    onnx.helper.set_model_props(model, {**props, "labels": labels})


def test_what_a_file_says_of_itself_is_checked(
    published: Path, complete: Path, tmp_path: Path
) -> None:
    options = ["--runtime", "tract", "-C", complete, "--json"]
    shutil.copyfile(published / "model.onnx", tmp_path / "mine.onnx")
    change_onnx(lie_about_precision, "mine.onnx")(tmp_path)
    [check] = json.loads(command("verify", tmp_path / "mine.onnx", *options).out)["checks"]
    assert check["precision"] == "float32"
    change_onnx(reverse_labels, "mine.onnx")(tmp_path)
    done = command("verify", tmp_path / "mine.onnx", "-C", complete)
    assert_error(done, 2, "with the labels 0, 1, 2,", "got (image: uint8", '["9", "8"')


def test_the_reference_alone_proves_nothing(published: Path, complete: Path) -> None:
    model = published / "model.onnx"
    done = command("verify", model, "--runtime", "onnx-reference", "-C", complete)
    assert_error(done, 2, "--runtime must name another than onnx-reference")
    done = command("verify", model, "--runtime", "litert", "-C", complete)
    assert_error(done, 2, "--runtime must name a runtime that opens onnx; got litert")
    both = ["--runtime", "onnx-reference", "--runtime", "tract", "-C", complete, "--json"]
    checks = json.loads(command("verify", model, *both).out)["checks"]
    assert [(c["runtime"], c["is_reference"], c["passed"]) for c in checks] == [
        ("onnx-reference", True, False),
        ("tract", False, True),
    ]


def test_a_fixed_batch_is_explained(published: Path, complete: Path, tmp_path: Path) -> None:
    shutil.copyfile(published / "model.onnx", tmp_path / "mine.onnx")
    change_onnx(fix_batch, "mine.onnx")(tmp_path)
    done = command("verify", tmp_path / "mine.onnx", "-C", complete)
    assert_error(done, 2, "A model file must", "got (image: uint8 [32, 28, 28, 1])")
