"""Publishing: version numbers, labels, the accuracy gate, and complete versions."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pipeline import list_models, load_model
from pipeline.artifacts.stage_facts import ExportFacts
from pipeline.config.schema import Config, Publish
from pipeline.engine.store import StageOutput, Store
from pipeline.errors import AccuracyTooLow
from pipeline.publishing.candidate import Candidate
from pipeline.publishing.manifest import Description
from pipeline.publishing.new_version import publish
from pipeline.publishing.published_folder import find_published, read_labels, versions_of
from pipeline.publishing.quality_gate import require_quality
from pipeline.system.atomic import sha256
from tests.support.command_line import assert_error, in_process
from tests.support.files import contents
from tests.support.paths import SMOKE


@pytest.fixture(scope="module")
def export_output(smoke: Path) -> StageOutput[ExportFacts]:
    [folder] = (smoke / "runs" / "export").iterdir()
    output = Store(smoke / "runs").find(ExportFacts, folder.name)
    assert output is not None
    return output


@pytest.fixture(scope="module")
def description(smoke: Path) -> Description:
    text = (smoke / "exported" / "smoke" / "1" / "manifest.json").read_text()
    known = {k: v for k, v in json.loads(text).items() if k in Description.model_fields}
    return Description.model_validate_json(json.dumps(known))


Licensed = Callable[[str], Description]


@pytest.fixture(scope="module")
def licensed(description: Description) -> Licensed:
    """Descriptions of versions that differ by their license only."""
    return lambda name: description.model_copy(update={"license": name})


def test_published_folder_layout(smoke: Path) -> None:
    folder = smoke / "exported" / "smoke"
    assert json.loads((folder / "labels.json").read_text()) == {"stable": 1}
    assert {
        "1/saved_model.pb",
        "1/variables/variables.index",
        "1/model.onnx",
        "1/model.keras",
        "1/manifest.json",
        "1/README.md",
    } <= set(contents(folder))


def test_manifest_is_complete(smoke: Path) -> None:
    folder = smoke / "exported" / "smoke" / "1"
    manifest = json.loads((folder / "manifest.json").read_text())
    on_disk = {name for name in contents(folder) if (folder / name).is_file()}
    assert set(manifest["files"]) == on_disk - {"manifest.json"}
    for name, file in manifest["files"].items():
        assert file["sha256"] == sha256(folder / name)
    assert manifest["contract"]["inputs"][0]["name"] == "image"
    assert manifest["class_names"] == list("0123456789")
    assert manifest["config"]["train"]["batch_size"] == 64
    assert manifest["data"]["sampled"] is True
    assert manifest["data"]["test"] == 1000
    assert {"tensorflow", "keras", "onnx", "numpy"} <= set(manifest["versions"])
    assert all(check["passed"] for check in manifest["verification"])
    assert set(manifest["metrics"]) == {"train", "validation", "test"}


def test_model_card_contents(smoke: Path) -> None:
    folder = smoke / "exported" / "smoke" / "1"
    card = (folder / "README.md").read_text()
    manifest = json.loads((folder / "manifest.json").read_text())
    accuracy = f"{100 * manifest['metrics']['test']['accuracy']:.2f} %"
    for words in ("Trained on a sample of 5,000 digits", accuracy, "image: uint8", "model.onnx"):
        assert words in card


def test_version_numbers_increase_and_labels_move(
    export_output: StageOutput[ExportFacts],
    description: Description,
    licensed: Licensed,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "exported" / "smoke"
    first = publish(Candidate("a", export_output, description), folder, label="stable")
    second = publish(Candidate("b", export_output, licensed("b")), folder, label="canary")
    assert (first.version, second.version) == (1, 2)
    assert read_labels(folder) == {"stable": 1, "canary": 2}
    assert find_published(folder).version == 1  # the stable one
    shutil.rmtree(folder / "2")
    third = publish(Candidate("c", export_output, licensed("c")), folder, label="stable")
    assert third.version == 3
    assert find_published(folder).version == 3
    assert find_published(folder / "1").version == 1


def test_same_candidate_is_published_once(
    export_output: StageOutput[ExportFacts], description: Description, tmp_path: Path
) -> None:
    folder = tmp_path / "exported" / "smoke"
    candidate = Candidate("a", export_output, description)
    assert publish(candidate, folder, label=None).version == 1
    assert publish(candidate, folder, label=None).version == 1
    assert publish(candidate, folder, label=None, republish=True).version == 2


PUBLISHER = """
import json, sys
from datetime import datetime, timedelta
from pathlib import Path
from pipeline.publishing.candidate import Candidate
from pipeline.publishing.new_version import publish
from pipeline.artifacts.stage_facts import ExportFacts
from pipeline.engine.store import Store
from pipeline.publishing.manifest import Description
runs, fingerprint, target, name, manifest = sys.argv[1:]
output = Store(Path(runs)).find(ExportFacts, fingerprint)
known = json.loads(Path(manifest).read_text())
known = {key: value for key, value in known.items() if key in Description.model_fields}
description = Description.model_validate_json(json.dumps(known))
for number in range(5):
    licensed = description.model_copy(update={"license": f"{name}{number}"})
    publish(Candidate(f"{name}{number}", output, licensed), Path(target), label="stable")
"""


def test_concurrent_publishers_get_distinct_numbers(
    smoke: Path, export_output: StageOutput[ExportFacts], tmp_path: Path
) -> None:
    manifest = smoke / "exported" / "smoke" / "1" / "manifest.json"
    processes = [
        subprocess.Popen(
            [
                *(sys.executable, "-c", PUBLISHER, str(smoke / "runs")),
                *(export_output.fingerprint, str(tmp_path / "m"), name, str(manifest)),
            ]
        )
        for name in "abc"
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert versions_of(tmp_path / "m") == list(range(1, 16))
    assert read_labels(tmp_path / "m") == {"stable": 15}
    assert all(not find_published(tmp_path / "m" / str(v)).alterations() for v in range(1, 16))


def test_accuracy_gate(smoke: Path, tmp_path: Path) -> None:
    config = Config(name="a", publish=Publish(min_accuracy=0.9, min_accuracy_on_sample=0.95))
    require_quality(0.9, config, sampled=False)
    with pytest.raises(
        AccuracyTooLow, match=r"at least 0\.9500 \(publish.min_accuracy_on_sample\)"
    ):
        require_quality(0.9, config, sampled=True)
    with pytest.raises(AccuracyTooLow, match=r"at least 0\.95 .*; got 0\.94999\. Nothing"):
        require_quality(0.94999, config, sampled=True)
    shutil.copytree(smoke, tmp_path / "copy")
    strict = ("publish.min_accuracy_on_sample=0.999", "name=strict")
    done = in_process("run", SMOKE, *strict, "-C", tmp_path / "copy", "--json")
    assert_error(done, 1, "at least 0.9990 (publish.min_accuracy_on_sample)", "validation set")
    assert not (tmp_path / "copy" / "exported" / "strict").exists()
    assert json.loads(done.out)["error"]["exit_code"] == 1


def test_removed_version_is_published_again(smoke: Path, tmp_path: Path) -> None:
    shutil.copytree(smoke, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "exported")
    document = json.loads(in_process("run", SMOKE, "-C", tmp_path / "copy", "--json").out)
    assert [s["status"] for s in document["stages"]] == ["cached"] * 6 + ["ran"]
    assert document["published"]["version"] == 1


def test_altered_predictions_of_the_run_are_ignored(smoke: Path, tmp_path: Path) -> None:
    """The published Keras model is the reference instead."""
    import numpy as np

    shutil.copytree(smoke, tmp_path / "copy")
    [path] = (tmp_path / "copy" / "runs" / "evaluate").glob("*/test_probabilities.npy")
    probabilities = np.load(path)
    probabilities[0] = np.roll(probabilities[0], 1)
    np.save(path, probabilities)
    model = tmp_path / "copy" / "exported" / "smoke"
    options = ["--runtime", "onnxruntime", "--workspace", tmp_path / "copy"]
    done = in_process("verify", model, *options)
    assert done.code == 0, done.err


def test_altered_version_is_published_again(smoke: Path, tmp_path: Path) -> None:
    """This follows the advice in the error message."""
    shutil.copytree(smoke, tmp_path / "copy")
    path = tmp_path / "copy" / "exported" / "smoke" / "1" / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1])
    document = json.loads(in_process("run", SMOKE, "-C", tmp_path / "copy", "--json").out)
    assert [s["status"] for s in document["stages"]][-1] == "ran"
    assert document["published"]["version"] == 2
    load_model(tmp_path / "copy" / "exported" / "smoke")


@pytest.mark.parametrize("kind", ["file", "empty folder", "list", "leading zeros"])
def test_broken_version_is_listed_and_hides_no_other(
    export_output: StageOutput[ExportFacts],
    description: Description,
    licensed: Licensed,
    tmp_path: Path,
    kind: str,
) -> None:
    folder = tmp_path / "exported" / "smoke"
    publish(Candidate("a", export_output, description), folder, label="stable")
    if kind == "file":
        (folder / "2").touch()
    else:
        (folder / ("007" if kind == "leading zeros" else "2")).mkdir()
    if kind == "list":
        (folder / "2" / "manifest.json").write_text("[]")
    models, broken = list_models(workspace=tmp_path)
    assert [model.version for model in models] == [1]
    assert len(broken) == (kind in {"empty folder", "list"})
    added = publish(Candidate("b", export_output, licensed("b")), folder, label="stable")
    assert added.version == (2 if kind == "leading zeros" else 3)
    done = in_process("models", "--workspace", tmp_path)
    assert done.code == 0
    assert ("broken" in done.out) == bool(broken)


def test_same_run_is_published_again_with_another_time_only(smoke: Path, tmp_path: Path) -> None:
    """Intervals, golden images, test data and the model card are the same, bit for bit."""
    shutil.copytree(smoke, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "exported")
    done = in_process("run", SMOKE, "-C", tmp_path / "copy", "--json")
    assert done.code == 0, done.err
    before, after = (w / "exported" / "smoke" / "1" for w in (smoke, tmp_path / "copy"))
    assert contents(before) == contents(after)
    first, second = (find_published(folder).manifest for folder in (before, after))
    times = [first.published, second.published]
    assert all(datetime.fromisoformat(time).utcoffset() == timedelta(0) for time in times)
    for name in contents(before):
        if name != "manifest.json" and (before / name).is_file():
            expected = (before / name).read_bytes().replace(times[0].encode(), times[1].encode())
            assert (after / name).read_bytes() == expected, name
    changed = {"published", "files"}
    assert first.model_dump(exclude=changed) == second.model_dump(exclude=changed)
