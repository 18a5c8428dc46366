"""Published versions run again from their manifests: what is the same, and how much differs."""

import json
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import pipeline
from pipeline.artifacts.files import FileDescription, describe_files
from pipeline.config.origin import flatten
from pipeline.errors import ConfigError, NotReproduced, PipelineError, RequestError
from pipeline.progress import Silent
from pipeline.reproduction.reproducing import Reproduction
from tests.support.command_line import Done, assert_error, command, in_process
from tests.support.paths import PROJECT
from tests.support.picture_folders import write_classes
from tests.support.processes import not_ignored

pytestmark = [pytest.mark.tensorflow, pytest.mark.process]
Edit = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def first(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, Path]:
    """The document of a complete second run, and the folder that it ran in; read-only."""
    into = tmp_path_factory.mktemp("reproduction") / "again"
    before = describe_files(smoke)
    done = command("reproduce", "smoke@stable", "--into", into, "-C", smoke, "--json")
    assert done.code == 0, done.err
    assert describe_files(smoke) == before  # nothing of the original is touched
    return done, into


@pytest.fixture
def into(first: tuple[Done, Path], tmp_path: Path) -> Path:
    """A folder with the outputs of the second run, which an unchanged training need not repeat."""
    return shutil.copytree(first[1], tmp_path / "into")


def edit(exported: Path, change: Edit, *, formats: tuple[str, ...] = ("onnx",)) -> None:
    """Change the manifest of the version, and describe its files as they are.

    With ONNX alone, whose bytes are the same, no file needs to be run.
    """
    folder = exported / "smoke" / "1"
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["formats"] = list(formats)
    change(manifest)
    found = describe_files(folder)
    manifest["files"] = {name: vars(found[name]) for name in manifest["files"]}
    path.write_text(json.dumps(manifest))


def reproduce(exported: Path, into: Path, **options: Any) -> Reproduction:
    workspace = exported.parent
    return pipeline.reproduce("smoke", into=into, workspace=workspace, progress=Silent(), **options)


def test_second_run_is_the_same_bit_for_bit(first: tuple[Done, Path], smoke: Path) -> None:
    found = json.loads(first[0].out)
    assert (found["model"], found["reproduced"], found["outcome"]) == ("smoke/1", True, "identical")
    assert found["sentence"].startswith("smoke/1 was reproduced bit for bit; saved_model.pb and")
    manifest = json.loads((smoke / "exported" / "smoke" / "1" / "manifest.json").read_text())
    weights = found["weights"]
    assert weights["recorded"] == manifest["provenance"]["weights_sha256"]
    assert weights["recorded"] == weights["published"] == weights["now"]
    links = {name: found[name]["status"] for name in ("data", "code", "packages", "machine")}
    assert links == dict.fromkeys(links, "same")
    assert {file["name"]: file["status"] for file in found["files"]} == {
        "saved_model.pb": "same weights and answers",
        "model.onnx": "identical",
        "model.keras": "same weights and answers",
    }
    assert all(metric["then"] == metric["now"] for metric in found["metrics"])
    assert "golden.npz" in found["not_made_again"]


def test_stages_are_reported_as_by_a_run(first: tuple[Done, Path]) -> None:
    stages = [line.split()[1] for line in first[0].err.splitlines() if line.startswith("- ")]
    assert stages == ["data", "train", "evaluate", "export"]


def test_nothing_is_published(first: tuple[Done, Path]) -> None:
    assert sorted(path.name for path in first[1].iterdir()) == ["runs"]
    stages = {"data", "train", "evaluate", "export"}
    assert not {"verify", "report", "publish"} & {
        path.name for path in (first[1] / "runs").iterdir()
    }
    assert stages < {path.name for path in (first[1] / "runs").iterdir()}


def test_older_manifest_is_compared_by_its_files(exported: Path, into: Path) -> None:
    edit(exported, lambda manifest: manifest.pop("provenance"), formats=("onnx", "keras"))
    found = reproduce(exported, into)
    assert found.verdict.outcome == "identical"
    assert found.compared.code.status == "same"  # the fingerprint of the training is
    assert found.compared.machine.status == "not recorded"
    weights = found.compared.weights
    assert weights is not None
    assert (weights.recorded, weights.read_from) == (None, "keras")
    assert weights.published == weights.now


def test_changed_weight_is_found_in_its_file(exported: Path, into: Path) -> None:
    path = exported / "smoke" / "1" / "model.onnx"
    model = onnx.load(path)
    kernel = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    values = onnx.numpy_helper.to_array(kernel).copy()
    values[14 * 28 + 14, 0] += np.float32(0.5)  # of a pixel that digits ink
    kernel.CopyFrom(onnx.numpy_helper.from_array(values, kernel.name))
    onnx.save(model, path)
    edit(exported, lambda _: None)  # the SHA-256 is that of the changed file
    found = reproduce(exported, into)
    [file] = [file for file in found.compared.files if file.name == "model.onnx"]
    assert file.weights == pytest.approx(0.5, abs=1e-6)
    assert file.answers is not None
    assert file.answers.largest is not None
    assert file.answers.largest > 0
    with pytest.raises(NotReproduced, match=r"model\.onnx differs, although weights, code and"):
        found.require()


def test_weights_that_are_not_those_of_the_manifest(exported: Path, into: Path) -> None:
    edit(
        exported,
        lambda manifest: manifest["provenance"].update(weights_sha256="0" * 64),
        formats=("keras",),
    )
    found = reproduce(exported, into)
    assert "does not have the weights whose SHA-256 is in its manifest" in found.verdict.sentence
    assert not found.verdict.reproduced


def test_metrics_that_are_not_those_of_the_model(exported: Path, into: Path) -> None:
    edit(exported, lambda manifest: manifest["metrics"]["test"].update(accuracy=0.99))
    found = reproduce(exported, into)
    assert "the manifest has accuracy 0.9900 on the test set, and this run" in (
        found.verdict.sentence
    )
    assert not found.verdict.reproduced


def test_another_seed_is_found_and_quantified(exported: Path, into: Path) -> None:
    edit(exported, lambda manifest: manifest["config"]["train"].update(seed=1))
    done = in_process("reproduce", "smoke/1", "--into", into, "-C", exported.parent, "--json")
    assert done.code == 1, done.err
    found = json.loads(done.out)
    assert found["outcome"] == "different"
    assert found["weights"]["largest_difference"] > 0.01
    assert 0 < found["answers"]["largest"] <= 1
    assert 0 < found["answers"]["labels"] < found["test_images"]
    labels, images = found["answers"]["labels"], found["test_images"]
    assert f"{labels:,} of {images:,} labels differ." in found["sentence"]
    assert "the weights differ, although code, packages and machine are the same" in done.err


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the option of XLA is for x86")
def test_other_processor_is_within_the_bound(exported: Path, into: Path) -> None:
    """XLA without AVX rounds sums differently, as on a processor that has none."""
    for stage in ("train", "evaluate", "export"):
        shutil.rmtree(into / "runs" / stage)
    edit(exported, lambda manifest: manifest["provenance"]["machine"].update(processor="another"))
    arguments = ("reproduce", "smoke", "--into", into, "-C", exported.parent)
    done = command(*arguments, "--json", XLA_FLAGS="--xla_cpu_max_isa=SSE4_2")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["outcome"] == "within the bound", found["sentence"]
    assert 0 < found["weights"]["largest_difference"] < 0.01
    assert "This run used another processor." in found["sentence"]
    shown = command(*arguments, XLA_FLAGS="--xla_cpu_max_isa=SSE4_2")
    assert "processor: another, now" in " ".join(shown.out.split())
    edit(exported, lambda manifest: manifest["provenance"]["machine"].update(_own_machine()))
    assert command(*arguments, "-q").code == 1  # nothing explains the difference


def _own_machine() -> dict[str, str]:
    from pipeline.system.machine import this_machine

    return {"processor": this_machine().processor}


def test_other_data_is_found_before_the_training(exported: Path, tmp_path: Path) -> None:
    edit(exported, lambda m: m["provenance"]["data"].update({"train_labels.npy": "0" * 64}))
    found = reproduce(exported, tmp_path / "into")
    assert found.compared.data.status == "differs"
    assert found.verdict.sentence == (
        "smoke/1 was not reproduced: the data differs in train_labels.npy. The training was not "
        "run. Provide the data that the version was published with; pipeline doctor shows which "
        "data is available."
    )
    assert not (tmp_path / "into" / "runs" / "train").exists()
    with pytest.raises(NotReproduced):
        found.require()


def test_folder_of_pictures_must_be_given(tmp_path: Path) -> None:
    pictures = write_classes(tmp_path / "pictures", 20)
    (tmp_path / "own.yaml").write_text(
        "name: own\ntask: multiclass\nmodel: {hidden: [8]}\ntrain: {epochs: 1, batch_size: 10}\n"
        "export: {formats: [onnx]}\nverify: {runtimes: [onnxruntime]}\n"
    )
    settings = ["data.name=folder", f"data.path={pictures}"]
    pipeline.run(tmp_path / "own.yaml", settings, workspace=tmp_path, progress=Silent())
    done = in_process("reproduce", "own", "-C", tmp_path)
    assert_error(
        done,
        2,
        "own/1 was trained on a folder of pictures named 'pictures'.",
        "as in pipeline reproduce own/1 data.path=DIR",
    )
    elsewhere = f"data.path={shutil.copytree(pictures, tmp_path / 'elsewhere')}"
    same = in_process("reproduce", "own", elsewhere, "-C", tmp_path)
    assert same.code == 0, same.err
    assert "own/1 was reproduced bit for bit." in " ".join(same.out.split())
    (tmp_path / "elsewhere" / "circle" / "000.png").unlink()
    fewer = in_process("reproduce", "own", elsewhere, "-C", tmp_path, "--json")
    assert fewer.code == 1, fewer.err
    assert "(11 test images instead of 12)" in json.loads(fewer.out)["sentence"]


REFUSED: list[tuple[str, Edit, str]] = [
    ("train.epochs", lambda m: m["config"]["train"].update(epochs="ten"), "train.epochs must be"),
    ("unknown", lambda m: m["config"].update(nonsense=1), "Unknown key 'nonsense'"),
    (
        "own code",
        lambda m: m["config"]["train"].update(callbacks=[{"name": "own.py:Own"}]),
        "ran own.py (train.callbacks[0].name in ",
    ),
    (
        "outside",
        lambda m: m["config"]["train"].update(
            callbacks=[{"name": "csv_logger", "filename": "../x.csv"}]
        ),
        "must be a path inside the workspace",
    ),
    (
        "network",
        lambda m: m["config"]["train"].update(
            callbacks=[{"name": "remote_monitor", "root": "http://127.0.0.1:1"}]
        ),
        "is remote_monitor, which sends the progress of the training to a host. Allow this with "
        "--allow-outside.",
    ),
]


@pytest.mark.parametrize(("name", "change", "words"), REFUSED, ids=[name for name, *_ in REFUSED])
def test_manifest_from_elsewhere_is_not_trusted(
    exported: Path, tmp_path: Path, name: str, change: Edit, words: str
) -> None:
    edit(exported, change)
    with pytest.raises((ConfigError, RequestError)) as error:
        reproduce(exported, tmp_path / "into")
    assert words in str(error.value), name
    assert not (tmp_path / "into").exists()


def test_folders_and_hosts_of_the_manifest_are_not_used(exported: Path, into: Path) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["config"]["data"].update(
            manual_dir="/nowhere", tfds_dir="/nowhere", mirrors=["http://127.0.0.1:1/"]
        )
        manifest["config"]["publish"]["sign"] = "/nowhere/key.pem"
        manifest["config"]["track"] = {"mlflow": "http://127.0.0.1:1"}
        manifest["config"]["verify"] = {"runtimes": ["keras"]}

    edit(exported, change)
    assert reproduce(exported, into).verdict.outcome == "identical"


def test_own_code_runs_if_it_is_allowed(
    exported: Path, into: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["config"]["train"]["callbacks"] = [{"name": "own.py:Own"}]
        manifest["provenance"]["code"]["own.py"] = "0" * 64

    edit(exported, change)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"The path is that of the manifest of smoke/1\."):
        reproduce(exported, into, own_code=True)
    Path("own.py").write_text("import keras\n\nclass Own(keras.callbacks.Callback):\n    pass\n")
    found = reproduce(exported, into, own_code=True)
    assert [change.name for change in found.compared.code.changes] == ["own.py"]
    assert found.verdict.outcome == "same weights"  # model.onnx has the fingerprint of the run
    assert "the bytes of model.onnx differ. This run used other code." in found.verdict.sentence


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["smoke", "train.seed=1"], "Only data.path, data.manual_dir, data.tfds_dir, data.mirrors"),
        (["smoke", "nonsense"], "as in data.manual_dir=DIR; got 'nonsense' after the model."),
        (["smoke", "=x"], "An override must be KEY=VALUE; got '=x'."),
        (["smoke@best"], "A version must be a number or a label of smoke (stable); got 'best'."),
        (["nothing"], "No model 'nothing' is published in"),
        (["smoke/2"], "has no version '2'"),
    ],
)
def test_arguments_that_are_refused(smoke: Path, arguments: list[str], words: str) -> None:
    assert_error(in_process("reproduce", *arguments, "-C", smoke), 2, words)


def test_workspace_of_the_first_run_is_refused(smoke: Path) -> None:
    done = in_process("reproduce", "smoke", "--into", smoke, "-C", smoke)
    assert_error(done, 2, "--into must be a folder other than the workspace", str(smoke))


def test_altered_version_is_refused(exported: Path) -> None:
    (exported / "smoke" / "1" / "model.onnx").write_bytes(b"other")
    done = in_process("reproduce", "smoke", "-C", exported.parent)
    assert_error(done, 2, "was altered after it was published")


def test_interruption_changes_nothing(smoke: Path) -> None:
    arguments = ["-m", "pipeline", "reproduce", "smoke", "-C", str(smoke)]
    with (
        not_ignored(signal.SIGINT),
        subprocess.Popen(
            [sys.executable, *arguments], cwd=PROJECT, stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("- data"):
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
        assert process.wait(120) == 130
    assert "Error: Interrupted. Nothing was changed." in rest


def test_manifest_has_the_chain(smoke: Path) -> None:
    folder = smoke / "exported" / "smoke" / "1"
    chain = json.loads((folder / "manifest.json").read_text())["provenance"]
    [data] = (smoke / "runs" / "data").iterdir()
    stored = json.loads((data / "manifest.json").read_text())["outputs"]
    assert len(chain["data"]) == 6
    for name, sha256 in chain["data"].items():
        assert sha256 == FileDescription(**stored[name]).sha256
    assert {"pipeline.training.fit", "pipeline.data.stage", "pipeline.export.onnx"} <= set(
        chain["code"]
    )
    assert str(smoke) not in json.dumps(flatten(chain))


def test_errors_are_of_the_package() -> None:
    assert issubclass(NotReproduced, PipelineError)
    assert NotReproduced("x").exit_code == 1
