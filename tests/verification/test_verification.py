"""Verification detects every kind of damage, here done to real files."""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from pipeline.artifacts.checks import Check, check_from_json
from pipeline.artifacts.data_set import TEST_PROBABILITIES_FILE
from pipeline.artifacts.model_contract import Contract, TensorSpec, contract_for
from pipeline.artifacts.stage_facts import ExportFacts
from pipeline.engine.store import Store
from pipeline.errors import ModelError, VerificationFailed
from pipeline.progress import Silent
from pipeline.publishing.candidate import Candidate
from pipeline.publishing.new_version import publish
from pipeline.publishing.published_folder import read_version
from pipeline.runtimes.isolated import WorkerResult
from pipeline.runtimes.registry import choose_runtime, runtimes_for
from pipeline.tasks.registry import task_named
from pipeline.verification.comparing import Reference, compare, read_reference
from pipeline.verification.reduced_precision import compared_with_originals
from pipeline.verification.running import artifacts_in, verify
from pipeline.verification.verdict import require_passed
from tests.support.processes import wait_until_ended

# With several processors, several workers verify at a time.
pytestmark = pytest.mark.usefixtures("all_cores")

TRAIN = [choose_runtime(n) for n in ("tensorflow", "onnxruntime", "onnx-reference", "keras")]
MULTICLASS = task_named("multiclass")
CONTRACT = contract_for(MULTICLASS.output(10), image_shape=(28, 28, 1))


@pytest.fixture(scope="module")
def reference(smoke: Path) -> Reference:
    [data] = (smoke / "runs" / "data").iterdir()
    [train] = (smoke / "runs" / "train").iterdir()
    [evaluation] = (smoke / "runs" / "evaluate").iterdir()
    return read_reference(data, train, evaluation, CONTRACT, MULTICLASS)


@pytest.fixture
def exported(smoke: Path, tmp_path: Path) -> Path:
    """A copy of the exported files that a test may damage."""
    [folder] = (smoke / "runs" / "export").iterdir()
    shutil.copytree(folder, tmp_path / "export")
    return tmp_path / "export"


def check(folder: Path, file_format: str, reference: Reference) -> list[Check]:
    """Verify in the runtimes that need only the extra ``train``; test_runtimes.py has all."""
    return verify(artifacts_in(folder, [file_format]), reference, Silent(), only=TRAIN)


def change_onnx(folder: Path, change: object) -> None:
    model = onnx.load(folder / "model.onnx")
    change(model)  # type: ignore[operator]
    onnx.save(model, folder / "model.onnx")


def one_weight(model: onnx.ModelProto) -> None:
    largest = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    values = numpy_helper.to_array(largest).copy()
    row = 14 * 28 + 14  # a pixel in the middle, where digits have ink
    values[row, 0] += 0.5
    largest.CopyFrom(numpy_helper.from_array(values, largest.name))


def test_exported_files_pass_in_all_runtimes(exported: Path, reference: Reference) -> None:
    artifacts = artifacts_in(exported, ["saved_model", "onnx", "keras"])
    checks = verify(artifacts, reference, Silent(), only=TRAIN)
    require_passed(checks)
    assert [c.runtime for c in checks] == ["tensorflow", "onnx-reference", "onnxruntime", "keras"]
    for found in checks:
        assert found.label_agreement == 1.0
        assert found.max_abs_diff is not None
        assert found.allowed_diff is not None
        assert 0 < found.max_abs_diff <= found.allowed_diff
        assert found.weights_equal


def test_one_corrupted_weight_is_detected(exported: Path, reference: Reference) -> None:
    change_onnx(exported, one_weight)
    checks = check(exported, "onnx", reference)
    assert [c.passed for c in checks] == [False, False]
    with pytest.raises(VerificationFailed) as caught:
        require_passed(checks)
    assert "model.onnx in onnxruntime" in str(caught.value)
    assert "the differences from the exact predictions must be within the" in str(caught.value)
    assert "Nothing was published" in str(caught.value)


def test_corrupted_keras_file_and_saved_model_are_detected(
    exported: Path, reference: Reference
) -> None:
    import keras

    model = keras.models.load_model(exported / "model.keras")
    values = model.get_weights()
    values[0][14 * 28 + 14, 0] += 0.5
    model.set_weights(values)
    model.save(exported / "model.keras")
    [found] = check(exported, "keras", reference)
    assert not found.passed
    variables = next((exported / "variables").glob("*.data*"))
    body = bytearray(variables.read_bytes())
    body[len(body) // 2] ^= 0x40
    variables.write_bytes(body)
    [found] = check(exported, "saved_model", reference)
    assert not found.passed


def rename_output(model: onnx.ModelProto) -> None:
    old = model.graph.output[0].name
    model.graph.output[0].name = "Identity:0"
    for node in model.graph.node:
        node.output[:] = ["Identity:0" if name == old else name for name in node.output]


def fix_batch(model: onnx.ModelProto) -> None:
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 32


def lose_scaling(model: onnx.ModelProto) -> None:
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.size == 1 and abs(float(values.ravel()[0]) - 1 / 255) < 1e-6:
            tensor.CopyFrom(numpy_helper.from_array(np.ones_like(values), tensor.name))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (rename_output, "the output must be probabilities: float32 [batch, 10]; got Identity:0"),
        (fix_batch, "the input must be image: uint8 [batch, 28, 28, 1]; got image: uint8 [32,"),
        (lose_scaling, "the differences from the exact predictions"),
    ],
)
def test_lost_name_axis_or_scale_is_named(
    exported: Path, reference: Reference, change: object, words: str
) -> None:
    change_onnx(exported, change)
    failures = [f for c in check(exported, "onnx", reference) for f in c.failures]
    assert any(words in failure for failure in failures), failures
    assert all(not c.passed for c in check(exported, "onnx", reference))


@pytest.mark.parametrize("file_format", ["onnx", "keras", "saved_model"])
def test_truncated_file_fails_without_a_crash(
    exported: Path, reference: Reference, file_format: str
) -> None:
    names = {"onnx": "model.onnx", "keras": "model.keras", "saved_model": "saved_model.pb"}
    path = exported / names[file_format]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for found in check(exported, file_format, reference):
        assert found.ran
        assert not found.passed
        assert "could not be run" in found.failures[0]


def worker_result(probabilities: np.ndarray, contract: Contract = CONTRACT) -> WorkerResult:
    small = {size: probabilities[:size] for size in (1, 2, 7, 32)}
    return WorkerResult(contract, probabilities, small)


@pytest.fixture
def known(tmp_path: Path) -> Reference:
    """Fifty images; the model is certain, except on image 0, where two classes are tied."""
    probabilities = np.full((50, 10), 0.01, np.float32)
    probabilities[np.arange(50), np.arange(50) % 10] = 0.91
    probabilities[0] = 0
    probabilities[0, :2] = 0.5
    return Reference(tmp_path / "none", np.arange(50) % 10, probabilities, CONTRACT, MULTICLASS)


def test_equal_predictions_and_ties_pass(known: Reference) -> None:
    assert compare(worker_result(known.probabilities), known) == ()
    tied = known.probabilities.copy()
    tied[0, 1] += 4e-6
    tied[0, 0] -= 4e-6
    assert tied[0].argmax() != known.probabilities[0].argmax()
    assert compare(worker_result(tied), known) == ()


def test_difference_just_above_the_tolerance_fails(known: Reference) -> None:
    off = known.probabilities.copy()
    off[3, 4] += 1.2e-5
    whole, *parts = compare(worker_result(off), known)
    assert "the test set: the largest difference" in whole
    assert [part.partition(":")[0] for part in parts] == [
        "the first 7 as a batch",  # image 3 is in these, not in the first 1 or 2
        "the first 32 as a batch",
    ]
    off[3, 4] = known.probabilities[3, 4] + 9e-6
    assert compare(worker_result(off), known) == ()


def test_nan_fails(known: Reference) -> None:
    off = known.probabilities.copy()
    off[49, 0] = np.nan
    assert (
        "must be finite; got infinity or NaN for 1 of 50 images"
        in compare(worker_result(off), known)[0]
    )


def test_one_different_label_fails_and_is_counted(known: Reference) -> None:
    off = known.probabilities.copy()
    off[40] = np.roll(off[40], 1)
    assert "all labels must agree; got 1 that differ" in " ".join(
        compare(worker_result(off), known)
    )


def test_missing_rows_and_wrong_small_batches_fail(known: Reference) -> None:
    short = worker_result(known.probabilities[:-1])
    assert "predictions must be float32 (50, 10); got float32 (49, 10)" in compare(short, known)[0]
    good = worker_result(known.probabilities)
    good.small_batches[7] = np.roll(known.probabilities[:7], 1, axis=0)
    assert any("the first 7 as a batch" in failure for failure in compare(good, known))
    wide = worker_result(known.probabilities.astype(np.float64))
    assert "got float64" in compare(wide, known)[0]


def test_incomplete_small_batches_fail(known: Reference) -> None:
    few = worker_result(known.probabilities)
    few.small_batches[7] = known.probabilities[:3]
    few.small_batches[32] = np.float32(1)  # type: ignore[assignment]
    seven, thirty_two = compare(few, known)
    assert seven == (
        "the first 7 as a batch: predictions must be float32 (7, 10); got float32 (3, 10)"
    )
    assert "got float32 ()" in thirty_two


def test_missing_or_incomplete_encoded_inputs_fail(known: Reference) -> None:
    few = worker_result(known.probabilities)
    few.encoded_inputs["as PNG files"] = known.probabilities[:1]
    [failure] = compare(few, known)
    assert failure == (
        "the first 32 as PNG files: predictions must be float32 (32, 10); got float32 (1, 10)"
    )
    few.encoded_inputs["as PNG files"] = known.probabilities[:0]
    assert len(compare(few, known)) == 1
    [failure] = compare(worker_result(known.probabilities), known, encoded_inputs=["as PNG files"])
    assert failure == "it must accept images as PNG files; got no such input"


def test_copy_must_be_equally_accurate_in_every_runtime() -> None:
    checks = [
        Check("model.onnx", "tract", ran=True, score=0.9),
        Check("model.int8.onnx", "onnxruntime", ran=True, score=0.98),
        Check("model.int8.onnx", "opencv", ran=True, score=0.979),
        Check("model.int8.onnx", "tract", ran=True, score=0.977),
    ]
    formats = ["onnx", "onnx_int8", "onnx_int8", "onnx_int8"]
    found = compared_with_originals(checks, formats, MULTICLASS.quality)
    assert [check.passed for check in found] == [True, True, True, False]
    assert found[3].failures == (
        "the accuracy must be within 0.2 points of 0.9800, the accuracy in onnxruntime; got 0.9770",
    )


def rename_axes(model: onnx.ModelProto) -> None:
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "unk__7"


def test_batch_axis_name_is_part_of_the_contract(exported: Path, reference: Reference) -> None:
    change_onnx(exported, rename_axes)
    for found in check(exported, "onnx", reference):
        assert any("got image: uint8 [unk__7, 28, 28, 1]" in text for text in found.failures)


def test_json_documents_contain_no_nan() -> None:
    found = Check("model.onnx", "onnxruntime", ran=True, max_abs_diff=float("nan"))
    json.dumps(found.as_json(), allow_nan=False)
    assert check_from_json(found.as_json()).max_abs_diff is None


def test_worker_exits_with_its_parent(exported: Path, tmp_path: Path) -> None:
    """After kill -9 of the parent no worker remains, not even one waiting for its images."""
    code = (
        "import sys; from pathlib import Path\n"
        "from pipeline.runtimes.registry import choose_runtime\n"
        "from pipeline.runtimes.isolated import run_isolated\n"
        "run_isolated(choose_runtime('keras'), Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    images = tmp_path / "images.npy"
    os.mkfifo(images)
    parent = subprocess.Popen([sys.executable, "-c", code, exported / "model.keras", images])
    with images.open("wb"):  # once the worker has opened it; nothing is ever written
        workers = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        assert workers
        parent.kill()
        parent.wait()
        wait_until_ended(workers)


def test_folder_named_pipeline_is_not_imported(smoke: Path, tmp_path: Path) -> None:
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline" / "__init__.py").write_text("raise RuntimeError('not me')")
    script = Path(sys.executable).parent / "pipeline"
    arguments = ["verify", smoke / "exported" / "smoke", "--runtime", "onnxruntime", "-C", smoke]
    done = subprocess.run([script, *map(str, arguments)], cwd=tmp_path, check=False)
    assert done.returncode == 0


def test_contracts_are_compared_in_full(known: Reference) -> None:
    other = Contract((TensorSpec("image", "float32", (None, 784)),), CONTRACT.outputs)
    [failure] = compare(worker_result(known.probabilities, other), known)
    assert failure == (
        "the input must be image: uint8 [batch, 28, 28, 1]; got image: float32 [batch, 784]"
    )


def test_checks_that_did_not_run_are_not_passed() -> None:
    absent = Check("model.onnx", "onnxruntime", ran=False)
    assert not absent.passed
    with pytest.raises(VerificationFailed, match=r"model\.onnx: no runtime that opens it"):
        require_passed([absent])
    ran = Check("model.onnx", "onnx-reference", ran=True)
    require_passed([absent, ran], ["model.onnx"])
    with pytest.raises(VerificationFailed, match=r"model\.tflite: no runtime that opens it"):
        require_passed([ran], ["model.onnx", "model.tflite"])  # not even tried
    with pytest.raises(VerificationFailed, match="nothing was checked"):
        require_passed([])


def test_every_format_has_a_runtime_and_a_writer() -> None:
    from typing import get_args

    from pipeline.artifacts.formats import FORMATS
    from pipeline.config.schema import Export

    [names] = {get_args(get_args(Export.model_fields["formats"].annotation)[0])}
    assert list(names) == list(FORMATS)
    assert all(runtimes_for(name) for name in names)
    assert all(find_spec(f"pipeline.export.{name}") for name in names)


def test_file_changed_after_verification_is_not_published(smoke: Path, tmp_path: Path) -> None:
    [folder] = (smoke / "runs" / "export").iterdir()
    shutil.copytree(folder, tmp_path / "runs" / "export" / folder.name)
    found = Store(tmp_path / "runs").find(ExportFacts, folder.name)
    assert found is not None
    path = found.path / "model.onnx"
    body = bytearray(path.read_bytes())
    body[-100] ^= 1
    path.write_bytes(body)
    manifest = read_version(smoke / "exported" / "smoke" / "1").manifest
    with pytest.raises(ModelError, match="altered after it was exported"):
        publish(Candidate("f", found, manifest), tmp_path / "exported" / "smoke", label=None)
    assert not list((tmp_path / "exported" / "smoke").iterdir())


def test_reference_is_the_whole_test_set(smoke: Path, reference: Reference) -> None:
    assert len(reference.probabilities) == len(np.load(reference.images, mmap_mode="r")) == 1000
    [evaluation] = (smoke / "runs" / "evaluate").iterdir()
    assert (evaluation / TEST_PROBABILITIES_FILE).is_file()
