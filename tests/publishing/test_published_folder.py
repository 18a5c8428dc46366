"""Opening published models: every file is checked, and every mistake is explained."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import list_models, load_model
from pipeline.errors import ModelError, RequestError
from pipeline.publishing.published_folder import find_published
from tests.support.command_line import assert_error, in_process
from tests.support.files import replace_by_fifo
from tests.support.paths import SMOKE


def test_models_are_listed(exported: Path) -> None:
    [model], broken = list_models(workspace=exported.parent)
    assert broken == []
    assert (model.name, model.version, model.labels) == ("smoke", 1, ("stable",))
    done = in_process("models", "--workspace", exported.parent, "--json")
    [document] = json.loads(done.out)["models"]
    assert document["accuracy"] == model.manifest.metrics["test"].scores["accuracy"]
    (exported.parent / "empty").mkdir()
    done = in_process("models", "--workspace", exported.parent / "empty")
    assert done.out.startswith("No models are")
    done = in_process("models", "--workspace", exported.parent / "none")
    assert_error(done, 2, "The workspace", "none is not a folder", "--workspace FOLDER")


def test_representation_of_a_model_is_short(exported: Path) -> None:
    folder = exported / "smoke" / "1"
    text = repr(find_published(folder))
    assert text == f"PublishedModel(name='smoke', version=1, path={folder!r}, labels=('stable',))"


@pytest.mark.parametrize("damage", ["altered", "truncated", "missing"])
def test_altered_files_are_never_opened(exported: Path, damage: str) -> None:
    path = exported / "smoke" / "1" / "model.onnx"
    body = path.read_bytes()
    if damage == "altered":
        path.write_bytes(body[:1000] + bytes([body[1000] ^ 1]) + body[1001:])
    elif damage == "truncated":
        path.write_bytes(body[:1000])
    else:
        path.unlink()
    with pytest.raises(ModelError, match=r"altered after it was published: model\.onnx"):
        load_model(exported / "smoke")
    done = in_process("verify", exported / "smoke", "--workspace", exported.parent)
    assert_error(done, 1, "model.onnx", "None of its files were opened")


@pytest.mark.process
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda folder: folder / "none",
            "is published in exported, and there is no such file",
        ),
        (lambda folder: folder, "contains no version with a manifest.json"),
        (lambda folder: folder / "file.txt", "must end in .onnx or .keras or .tflite or .xml"),
        (lambda folder: folder / "broken.onnx", "is not a valid ONNX model"),
    ],
)
def test_paths_that_are_not_models_are_explained(tmp_path: Path, make: object, words: str) -> None:
    (tmp_path / "file.txt").write_text("hello")
    (tmp_path / "broken.onnx").write_bytes(b"\x08\x01garbage")
    with pytest.raises(ModelError, match=words):
        load_model(make(tmp_path))  # type: ignore[operator]


@pytest.mark.parametrize("text", ["[]", "{}", '{"files": []}', "nonsense", '{"version": "x"}'])
def test_invalid_manifest_is_explained(exported: Path, text: str) -> None:
    (exported / "smoke" / "1" / "manifest.json").write_text(text)
    with pytest.raises(ModelError, match="as the manifest of a published model"):
        find_published(exported / "smoke")


def test_invalid_labels_are_explained(exported: Path) -> None:
    (exported / "smoke" / "labels.json").write_text('{"stable": 7}')
    with pytest.raises(ModelError, match=r"label stable .* version 7, which does not exist"):
        find_published(exported / "smoke")
    (exported / "smoke" / "labels.json").write_text("nonsense")
    with pytest.raises(ModelError, match="must map labels to versions"):
        find_published(exported / "smoke")


def test_label_of_missing_version_is_listed(exported: Path) -> None:
    (exported / "smoke" / "labels.json").write_text('{"stable": 7, "canary": 1}')
    words = (
        f"The label stable in {exported}/smoke/labels.json refers to version 7, which does not "
        "exist; the versions are 1. Correct the label, or specify a version."
    )
    done = in_process("models", "-C", exported.parent, "--json")
    document = json.loads(done.out)
    assert document["broken"] == [words]
    assert [model["labels"] for model in document["models"]] == [["canary"]]
    shown = in_process("models", "-C", exported.parent).out
    assert f"broken {words}" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda path: path.write_text('{"stable": 1, "stable": 2}'),
            'Detected duplicate key "stable" at line 1 column 24',
        ),
        (
            lambda path: os.truncate(path, 300_000_000),
            "it must have at most 65,536 bytes; got 300,000,000",
        ),
        (replace_by_fifo, "it must be a regular file; got a named pipe"),
    ],
    ids=["duplicate key", "300 MB", "pipe"],
)
def test_bad_labels_are_one_error(
    exported: Path, make: Callable[[Path], object], words: str
) -> None:
    path = exported / "smoke" / "labels.json"
    make(path)
    expected = (
        f'{path} must map labels to versions, as in {{"stable": 3}}: {words}. Correct or remove '
        "the file."
    )
    with pytest.raises(ModelError, match=re.escape(expected)):
        load_model(exported / "smoke")
    _, broken = list_models(workspace=exported.parent)
    assert [str(error) for error in broken] == [expected]


def test_manifest_with_duplicate_keys_is_rejected(exported: Path) -> None:
    path = exported / "smoke" / "1" / "manifest.json"
    path.write_text(path.read_text().replace("{", '{"version": 2,', 1))
    with pytest.raises(ModelError, match='Detected duplicate key "version" at line'):
        find_published(exported / "smoke")


def test_manifest_cannot_open_files_outside(exported: Path) -> None:
    """Files are opened by fixed names only; a path in a manifest is compared, never opened."""
    path = exported / "smoke" / "1" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"]["../../../../etc/passwd"] = {"bytes": 1, "sha256": "0" * 64}
    path.write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="etc/passwd"):
        load_model(exported / "smoke")


def test_runtime_can_be_selected(exported: Path) -> None:
    import numpy as np

    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), np.uint8)
    names = ("onnxruntime", "onnx-reference", "keras", "tensorflow")
    found = [load_model(exported / "smoke", runtime=name).predict(images) for name in names]
    for probabilities in found[1:]:
        np.testing.assert_allclose(probabilities, found[0], rtol=0, atol=1e-5)
    with pytest.raises(RequestError, match=r"Unknown runtime 'tensort'\. Did you mean"):
        load_model(exported / "smoke", runtime="tensort")
    expected = r"The runtime 'litert' does not open saved_model, onnx, keras\. Choose from"
    with pytest.raises(RequestError, match=expected):
        load_model(exported / "smoke", runtime="litert")


def test_verification_without_the_original_run(exported: Path) -> None:
    some = ("tensorflow", "onnxruntime", "keras")
    options = [word for name in some for word in ("--runtime", name)]
    done = in_process("verify", exported / "smoke", *options, "-C", exported.parent, "--json")
    assert done.code == 0, done.err
    checks = json.loads(done.out)["checks"]
    assert {check["runtime"] for check in checks} == set(some)
    assert all(check["label_agreement"] == 1.0 for check in checks)
    assert all(check["passed"] and check["weights_equal"] for check in checks)
    assert all(check["max_abs_diff"] <= check["allowed_diff"] for check in checks)
    one = in_process("verify", exported / "smoke", "--runtime", "onnxruntime", "--json",
                  "--workspace", exported.parent)  # fmt: skip
    assert [check["runtime"] for check in json.loads(one.out)["checks"]] == ["onnxruntime"]
    wrong = in_process("verify", exported / "smoke", "--runtime", "onnxruntim")
    assert_error(wrong, 2, "Unknown runtime 'onnxruntim'. Did you mean 'onnxruntime'? Choose from")


def test_golden_predictions_are_checked_on_load(exported: Path) -> None:
    """There is one image of each digit; a model that predicts something else is rejected."""
    import numpy as np

    from pipeline.artifacts.files import describe_files
    from pipeline.artifacts.serialization import to_json

    version = exported / "smoke" / "1"
    with np.load(version / "golden.npz", allow_pickle=False) as file:
        images, probabilities = file["images"], file["probabilities"]
    assert (images.shape, images.dtype) == ((10, 28, 28, 1), np.uint8)
    for runtime in ("onnxruntime", "keras"):
        found = load_model(exported / "smoke", runtime=runtime).predict(images)
        np.testing.assert_allclose(found, probabilities, rtol=0, atol=1e-5)
    probabilities[3] = np.roll(probabilities[3], 1)
    np.savez(version / "golden.npz", images=images, probabilities=probabilities)
    manifest = json.loads((version / "manifest.json").read_text())
    (version / "manifest.json").unlink()
    manifest["files"] = to_json(describe_files(version))
    (version / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="gives different predictions on this machine"):
        load_model(exported / "smoke")


def test_unlisted_files_are_not_opened(exported: Path) -> None:
    path = exported / "smoke" / "1" / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["files"]["model.onnx"]
    path.write_text(json.dumps(manifest))
    done = in_process("verify", exported / "smoke", "--workspace", exported.parent)
    assert_error(done, 1, "model.onnx is not in the manifest", "None of its files were opened")
    with pytest.raises(ModelError, match=r"model\.onnx is not in the manifest"):
        load_model(exported / "smoke")
    manifest["formats"].append("hdf7")
    path.write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="the format hdf7 is unknown"):
        load_model(exported / "smoke")


@pytest.mark.parametrize(
    "entry", [("stages", "evaluate"), ("data", "test_sha256"), ("data", "sampled")]
)
def test_missing_manifest_entry_is_explained(exported: Path, entry: tuple[str, str]) -> None:
    path = exported / "smoke" / "1" / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest[entry[0]][entry[1]]
    path.write_text(json.dumps(manifest))
    done = in_process("verify", exported / "smoke" / "1", "--workspace", exported.parent)
    words = f"{'.'.join(entry)}: Field required. Restore the file"
    assert_error(done, 2, "as the manifest of a published model", words)


def test_older_version_can_be_verified(exported: Path) -> None:
    """Its SavedModel has one signature, and its manifest lists no second one."""
    import keras
    import tensorflow as tf

    from pipeline.artifacts.files import describe_files
    from pipeline.artifacts.model_contract import contract_for
    from pipeline.artifacts.serialization import to_json
    from pipeline.export.signatures import serving_function
    from pipeline.tasks.registry import task_named

    version = exported / "smoke" / "1"
    manifest = json.loads((version / "manifest.json").read_text())
    model = keras.models.load_model(version / "model.keras")
    contract = contract_for(task_named("multiclass").output(10), image_shape=(28, 28, 1))
    shutil.rmtree(version / "variables")
    module = tf.Module()
    module.model = model
    tf.saved_model.save(
        module, version, signatures={"serving_default": serving_function(model, contract)}
    )
    (version / "manifest.json").unlink()
    for key in ("signatures", "copies"):
        del manifest[key]
    manifest["files"] = to_json(describe_files(version))
    (version / "manifest.json").write_text(json.dumps(manifest))
    done = in_process("verify", exported / "smoke", "--runtime", "tensorflow",
                   "--workspace", exported.parent)  # fmt: skip
    assert done.code == 0, done.err
    assert "Using a SAMPLE" not in done.err, "the advice is for runs"


def test_wrong_test_set_hash_is_rejected(exported: Path) -> None:
    assert SMOKE.is_file()
    path = exported / "smoke" / "1" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["data"]["test_sha256"] = "0" * 64
    path.write_text(json.dumps(manifest))
    done = in_process("verify", exported / "smoke", "--workspace", exported.parent)
    assert_error(done, 2, "The test set must be the one used for publication", "pipeline doctor")


@pytest.mark.parametrize("labels", ['{"stable": 1e400}', '{"stable": 1.9}', '{"stable": -1}', "[]"])
def test_labels_must_map_to_positive_integers(exported: Path, labels: str) -> None:
    (exported / "smoke" / "labels.json").write_text(labels)
    with pytest.raises(ModelError, match="must map labels to versions"):
        load_model(exported / "smoke")


def test_nan_predictions_are_reported(exported: Path) -> None:
    import numpy as np
    import onnx
    from onnx import numpy_helper

    path = exported / "smoke" / "1" / "model.onnx"
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.dims == [10]:
            nothing = np.full(10, np.nan, np.float32)
            tensor.CopyFrom(numpy_helper.from_array(nothing, tensor.name))
    onnx.save(model, path)
    np.save(exported / "a.npy", np.zeros((28, 28), np.uint8))
    done = in_process("predict", path, exported / "a.npy", "--json")
    assert_error(done, 2, "predicts infinity or NaN")
    assert json.loads(done.out)["error"]["exit_code"] == 2


@pytest.mark.process
def test_onnx_file_with_another_signature_is_explained(tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 784])
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 784])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [image], [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(ModelError, match=r"must take uint8 images .*; got \(x: float32"):
        load_model(tmp_path / "other.onnx")


def test_verification_requires_run_or_keras_model(exported: Path, tmp_path: Path) -> None:
    path = exported / "smoke" / "1" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["formats"] = ["onnx"]
    path.write_text(json.dumps(manifest))
    done = in_process("verify", exported / "smoke", "--workspace", tmp_path / "none")
    assert_error(done, 2, "Verification requires model.keras", "or the output of its run")
    assert not (tmp_path / "none" / "runs").exists()
