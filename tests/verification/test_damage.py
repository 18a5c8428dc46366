"""Damage to any artifact, in a weight, name, axis or scale, is detected and named."""

import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from pipeline.artifacts.formats import FORMATS
from pipeline.artifacts.model_contract import contract_for
from pipeline.progress import Silent
from pipeline.runtimes.registry import all_runtimes, choose_runtime
from pipeline.tasks.registry import task_named
from pipeline.verification.comparing import Reference
from pipeline.verification.running import artifacts_in, verify
from tests.support.damaged_models import change_onnx, fix_batch, one_weight, rename_output
from tests.support.requirements import needs_browser, needs_node

CONTRACT = contract_for(task_named("multiclass").output(10), image_shape=(28, 28, 1))
INSTALLED = [name for name, runtime in all_runtimes().items() if runtime.installed]
SCALE = np.float32(1 / 255).tobytes()


@pytest.fixture
def damaged(published: Path, tmp_path: Path) -> Path:
    """A copy of the published files that a test may damage."""
    shutil.copytree(published, tmp_path / "1")
    return tmp_path / "1"


def replace_bytes(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert old in content, f"{path.name} does not contain it"
    path.write_bytes(content.replace(old, new))


def largest_float(path: Path, first: int = 0) -> None:
    """Replace a weight in the middle of a float32 file with a large one."""
    content = bytearray(path.read_bytes())
    place = first + (len(content) - first) // 2 // 4 * 4
    content[place : place + 4] = np.float32(1000).tobytes()
    path.write_bytes(content)


def lose_scaling(model: onnx.ModelProto) -> None:
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.size == 1 and abs(float(values.ravel()[0]) - 1 / 255) < 1e-5:
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.ones_like(values), tensor.name))


def keras_config(change: Callable[[str], str]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / "model.keras"
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        before = parts["config.json"].decode()
        parts["config.json"] = change(before).encode()
        assert parts["config.json"].decode() != before
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, content)

    return damage


def keras_weight(folder: Path) -> None:
    import keras

    model = keras.models.load_model(folder / "model.keras")
    values = model.get_weights()
    values[0][14 * 28 + 14 : 14 * 28 + 17] += 3
    model.set_weights(values)
    model.save(folder / "model.keras")


def variables_of(folder: Path) -> Path:
    return next((folder / "variables").glob("*.data*"))


NAME, AXIS, VALUES = "the output must be probabilities", "the input must be image", "the test set"
DAMAGE: list[tuple[str, str, Callable[[Path], None], str]] = [
    *((f, what, change_onnx(change, FORMATS[f].path), words)
      for f in ("onnx", "onnx_int8", "onnx_fp16")
      for what, change, words in (("weight", one_weight, VALUES), ("name", rename_output, NAME),
                                  ("axis", fix_batch, AXIS), ("scale", lose_scaling, VALUES))),
    ("keras", "weight", keras_weight, VALUES),
    ("keras", "name", keras_config(lambda text: text.replace('"probabilities"', '"probs"')), NAME),
    ("keras", "axis", keras_config(lambda text: text.replace("[null, 28,", "[32, 28,")),
     AXIS),
    ("keras", "scale", keras_config(lambda text: re.sub(r'e": 0\.0039\d*', 'e": 1', text)),
     VALUES),
    ("litert", "weight", lambda folder: largest_float(folder / "model.tflite"), VALUES),
    ("litert", "name", lambda folder: replace_bytes(folder / "model.tflite", b"probabilities",
                                                    b"probabilitiez"), NAME),
    ("litert", "axis", lambda folder: replace_bytes(
        folder / "model.tflite", np.array([-1, 28, 28, 1], np.int32).tobytes(),
        np.array([32, 28, 28, 1], np.int32).tobytes()), AXIS),
    ("litert", "scale", lambda folder: replace_bytes(folder / "model.tflite", SCALE,
                                                     np.float32(1).tobytes()), VALUES),
    ("openvino", "weight", lambda folder: largest_float(folder / "model.bin"), VALUES),
    ("openvino", "name", lambda folder: replace_bytes(folder / "model.xml", b'"probabilities"',
                                                      b'"probs"'), NAME),
    ("openvino", "axis", lambda folder: replace_bytes(folder / "model.xml", b"?,28,28,1",
                                                      b"32,28,28,1"), AXIS),
    ("openvino", "scale", lambda folder: replace_bytes(folder / "model.bin", SCALE,
                                                       np.float32(1).tobytes()), VALUES),
    ("saved_model", "weight", lambda folder: largest_float(variables_of(folder)),
     "it could not be run: "),
    ("saved_model", "name", lambda folder: replace_bytes(folder / "saved_model.pb",
                                                         b"probabilities", b"probabilitiez"), NAME),
    ("saved_model", "scale", lambda folder: replace_bytes(folder / "saved_model.pb", SCALE,
                                                          np.float32(1).tobytes()), VALUES),
]  # fmt: skip


@pytest.mark.parametrize(
    ("file_format", "damage", "words"),
    [pytest.param(f, damage, words, id=f"{f}-{what}") for f, what, damage, words in DAMAGE],
)
def test_damage_to_any_artifact_is_named(
    damaged: Path,
    reference: Reference,
    file_format: str,
    damage: Callable[[Path], None],
    words: str,
) -> None:
    """In the runtimes that start fast; Node.js and the browser have a separate test."""
    slow = {"onnxruntime-web", "onnxruntime-node", "onnx-reference"}
    home = {"keras": "keras", "saved_model": "tensorflow"}.get(file_format)
    damage(damaged)
    names = [home] if home else [name for name in INSTALLED if name not in slow]
    only = [choose_runtime(name) for name in names]
    checks = verify(artifacts_in(damaged, [file_format]), reference, Silent(), only=only)
    assert checks
    for check in checks:
        assert not check.passed, check
        failures = " ".join(check.failures)
        assert words in failures, (check.runtime, failures)


@needs_node
@pytest.mark.browser
@needs_browser
@pytest.mark.parametrize(
    ("change", "words"), [(one_weight, VALUES), (rename_output, NAME), (fix_batch, AXIS)]
)
def test_damage_is_detected_in_nodejs_and_the_browser(
    damaged: Path, reference: Reference, change: Callable[[onnx.ModelProto], None], words: str
) -> None:
    change_onnx(change, "model.onnx")(damaged)
    only = [choose_runtime("onnxruntime-node"), choose_runtime("onnxruntime-web")]
    checks = verify(artifacts_in(damaged, ["onnx"]), reference, Silent(), only=only)
    for check in checks:
        assert words in " ".join(check.failures), check


def test_different_prediction_for_an_encoded_image_is_detected(
    published: Path, reference: Reference, tmp_path: Path
) -> None:
    """A SavedModel whose second signature inverts the image."""
    import keras
    import tensorflow as tf

    from pipeline.export.signatures import encoded_serving_function, serving_function

    model = keras.models.load_model(published / "model.keras")
    inverted = keras.Sequential([keras.Input((28, 28, 1), dtype="uint8"),
                                 keras.layers.Rescaling(-1.0, 255.0), model])  # fmt: skip
    module = tf.Module()
    module.models = [model, inverted]
    signatures = {
        "serving_default": serving_function(model, CONTRACT),
        "serving_encoded": encoded_serving_function(inverted, CONTRACT),
    }
    tf.saved_model.save(module, tmp_path, signatures=signatures)
    only = [choose_runtime("tensorflow")]
    [check] = verify(artifacts_in(tmp_path, ["saved_model"]), reference, Silent(), only=only)
    assert [failure.partition(":")[0] for failure in check.failures] == [
        "the first 32 as PNG files"
    ] * len(check.failures)
    assert check.failures
