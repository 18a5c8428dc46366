"""``pipeline compare`` on the command line, with real runs of tiny networks."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pipeline
from pipeline.comparison.published import published_member
from pipeline.comparison.stored import flat_config
from pipeline.engine.records import Record
from pipeline.engine.workspace import Workspace
from pipeline.publishing.published_folder import find_published
from pipeline.system.atomic import sha256
from tests.support.command_line import assert_error, in_process
from tests.support.page_visits import visit_page
from tests.support.paths import SMOKE
from tests.support.requirements import needs_browser

pytestmark = pytest.mark.tensorflow
SLOW_RATE = "optimizer.learning_rate=0.0001"  # two epochs are not enough with it
SLOW = f"{SMOKE} {SLOW_RATE}"


@pytest.fixture(scope="module")
def runs(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published smoke model, two more seeds of it, and three seeds at a low rate; read-only."""
    workspace = tmp_path_factory.mktemp("compare") / "workspace"
    shutil.copytree(smoke, workspace)
    for overrides in (
        ["train.seed=1"],
        ["train.seed=2"],
        *([SLOW_RATE, f"train.seed={n}"] for n in range(3)),
    ):
        pipeline.run(SMOKE, overrides, workspace=workspace, until="evaluate")
    return workspace


@pytest.fixture
def changeable(runs: Path, tmp_path: Path) -> Path:
    """A copy of the runs that a test may change."""
    shutil.copytree(runs, tmp_path / "workspace")
    return tmp_path / "workspace"


def records(workspace: Path) -> dict[tuple[float, int], Record]:
    """The records by learning rate and seed."""
    found = (run.record for run in Workspace(workspace).records.all())
    return {(r.config["optimizer"]["learning_rate"], r.config["train"]["seed"]): r for r in found}


def compare(workspace: Path, *arguments: object) -> Any:
    done = in_process("compare", *arguments, "-C", workspace, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_two_runs_differ_in_one_key_and_on_the_listed_images(runs: Path) -> None:
    good, slow = records(runs)[0.005, 1], records(runs)[0.0001, 1]
    done = in_process("compare", good.id, slow.fingerprint[:6], "-C", runs)
    assert done.code == 0, done.err
    text = " ".join(done.out.split())
    assert f"A the run {good.id} (train.seed 1) B the run {slow.id} (train.seed 1)" in text
    assert "optimizer.learning_rate 0.005 0.0001" in text
    assert "test set, 1,000 images" in text
    assert "(McNemar, exact). This tests these two files and says nothing about their" in text
    data, right = runs / "runs" / "data" / good.stages["data"], []
    labels = np.load(data / "test_labels.npy")
    for record in (good, slow):
        output = runs / "runs" / "evaluate" / record.stages["evaluate"]
        right.append(np.load(output / "test_probabilities.npy").argmax(axis=1) == labels)
    lost = int(np.sum(right[0] & ~right[1]))
    assert f"{lost} test images changed from right to wrong: " in text
    assert "learning curves epochs last val_loss" in text


def test_configurations_stand_for_all_their_seeds(runs: Path) -> None:
    document = compare(runs, SMOKE, SLOW)
    assert [[n["seed"] for n in side["networks"]] for side in document["sides"]] == [[0, 1, 2]] * 2
    assert [side["kind"] for side in document["sides"]] == ["configuration"] * 2
    assert document["differences"]["optimizer.learning_rate"] == [0.005, 0.0001]
    [pair] = document["comparisons"]
    assert pair["seeds"]["accuracy"]["p_lower"] == pytest.approx(1 / 20)
    assert pair["seeds"]["accuracy"]["difference"] < -0.1
    assert [len(network["history"]) for network in document["sides"][0]["networks"]] == [2] * 3
    assert document["runtimes"][0], "the published run was verified"
    assert document["runtimes"][1] == []


def test_worse_configuration_exits_with_1(runs: Path) -> None:
    arguments = ("compare", SMOKE, SLOW, "--fail-if-worse", "accuracy", "-C", runs)
    done = in_process(*arguments)
    assert_error(
        done, 1, "The accuracy is significantly worse than that of the first side, at the",
        "significance level 0.05, one-sided:", "(p = 0.0500).",
    )  # fmt: skip
    assert "accuracy of B against A: significantly worse" in done.out
    done = in_process(*arguments, "--json")
    document = json.loads(done.out)
    assert (done.code, document["fail_if_worse"]["judgments"][0]["is_worse"]) == (1, True)
    assert document["error"] in done.err


def test_better_configuration_exits_with_0(runs: Path) -> None:
    done = in_process("compare", SLOW, SMOKE, "--fail-if-worse", "loss", "-C", runs)
    assert done.code == 0, done.err
    assert "loss of B against A: not worse" in done.out


def test_published_version_stands_for_its_seeds_with_seeds(runs: Path) -> None:
    slow = records(runs)[0.0001, 2].id
    document = compare(runs, "smoke/1", slow, "--seeds")
    assert [[n["seed"] for n in side["networks"]] for side in document["sides"]] == [[0, 1, 2]] * 2
    assert document["sides"][0]["description"] == (
        "version 1 (stable) of the published model smoke, with 3 seeds of its configuration"
    )
    alone = compare(runs, "smoke/1", slow)
    assert [len(side["networks"]) for side in alone["sides"]] == [1, 1]
    assert alone["comparisons"][0]["seeds"] == {}


def test_published_name_is_taken_before_the_configuration(
    runs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    document = compare(runs, "smoke", records(runs)[0.005, 1].id)
    note = (
        "smoke is version 1 (stable) of the published model smoke; write smoke.yaml for the "
        "configuration of that name."
    )
    assert document["sides"][0]["notes"] == [note]
    assert note in " ".join(capfd.readouterr().err.split())


def test_version_without_its_outputs_is_run_in_onnxruntime(changeable: Path) -> None:
    published, store = (
        find_published(changeable / "exported" / "smoke"),
        Workspace(changeable).store,
    )
    config = flat_config(published.manifest.config)
    stored = published_member(published, config, store)
    shutil.rmtree(store.root / "evaluate" / published.manifest.stages.evaluate)
    predicted = published_member(published, config, store)
    assert np.abs(predicted.predictions - stored.predictions).max() < 1e-5
    assert predicted.metrics == stored.metrics
    assert (len(stored.history), len(predicted.history)) == (2, 0)
    document = compare(changeable, "smoke/1", records(changeable)[0.005, 1].id)
    assert [len(curves) for curves in document["curves"]] == [0, 1]


def test_version_whose_test_set_is_missing_is_refused(exported: Path) -> None:
    workspace = exported.parent
    shutil.copytree(exported / "smoke" / "1", exported / "copy" / "1")
    done = in_process("compare", "smoke/1", "copy/1", "-C", workspace)
    assert_error(
        done, 2, "smoke/1 cannot be compared: neither the predictions of its run nor its test set ",
        "To prepare the test set: pipeline verify smoke/1",
    )  # fmt: skip


def test_version_with_another_test_set_than_the_stored_one_is_refused(changeable: Path) -> None:
    published = find_published(changeable / "exported" / "smoke")
    shutil.rmtree(changeable / "runs" / "train" / published.manifest.stages.train)
    manifest = published.path / "manifest.json"
    values = json.loads(manifest.read_text())
    values["data"]["test_sha256"] = "0" * 64
    manifest.write_text(json.dumps(values))
    done = in_process("compare", "smoke/1", SLOW, "-C", changeable)
    assert_error(done, 2, f"(test_images.npy with SHA-256 {'0' * 64}, target label) are in ")


def test_seeds_with_another_test_set_are_left_out(changeable: Path) -> None:
    """As when some runs had the full data set, and others only the sample."""
    oldest = records(changeable)[0.005, 0]
    stored, other = (
        changeable / "runs" / "data" / name for name in (oldest.stages["data"], "0" * 16)
    )
    shutil.copytree(stored, other)
    labels = np.load(other / "test_labels.npy")
    np.save(other / "test_labels.npy", labels[::-1])
    manifest = json.loads((other / "manifest.json").read_text())
    manifest["outputs"]["test_labels.npy"]["sha256"] = sha256(other / "test_labels.npy")
    (other / "manifest.json").write_text(json.dumps(manifest))
    path = changeable / "runs" / "records" / f"{oldest.id}.json"
    values = json.loads(path.read_text())
    values["stages"]["data"] = other.name
    path.write_text(json.dumps(values))
    document = compare(changeable, SMOKE, SLOW)
    assert [network["seed"] for network in document["sides"][0]["networks"]] == [1, 2]
    done = in_process("compare", oldest.id, SLOW, "-C", changeable)
    assert_error(done, 2, "must have the same labels of the test images; those of smoke-")


def test_altered_version_is_not_run(changeable: Path) -> None:
    published = find_published(changeable / "exported" / "smoke")
    shutil.rmtree(changeable / "runs" / "train" / published.manifest.stages.train)
    (published.path / "model.onnx").write_bytes(b"altered")
    done = in_process("compare", "smoke/1", SLOW, "-C", changeable)
    assert_error(done, 2, "was altered after it was published: model.onnx has 7 bytes")


def test_run_without_evaluation_is_refused(changeable: Path) -> None:
    good, slow = records(changeable)[0.005, 1], records(changeable)[0.0001, 1]
    output = changeable / "runs" / "evaluate" / good.stages["evaluate"]
    predictions = output / "test_probabilities.npy"
    changed = bytearray(predictions.read_bytes())
    changed[-1] ^= 1
    predictions.write_bytes(changed)
    done = in_process("compare", good.id, slow.id, "-C", changeable)
    assert_error(done, 2, f"{good.id} cannot be compared: {predictions} was altered. Run its")
    shutil.rmtree(output)
    done = in_process("compare", good.id, slow.id, "-C", changeable)
    assert_error(done, 2, "the output of its stage evaluate is missing in", "--until evaluate.")
    document = compare(changeable, SMOKE, slow.id)
    seeds = [network["seed"] for network in document["sides"][0]["networks"]]
    assert seeds == [0, 2], "a configuration stands for the runs that are complete"


def test_runs_of_different_code_are_noted(changeable: Path) -> None:
    good = records(changeable)[0.005, 1]
    manifest = changeable / "runs" / "train" / good.stages["train"] / "manifest.json"
    values = json.loads(manifest.read_text())
    values["ingredients"]["packages"]["keras"] = "3.0.0"
    manifest.write_text(json.dumps(values))
    [note] = compare(changeable, SMOKE, good.id)["sides"][0]["notes"]
    assert note == (
        f"The runs of {SMOKE} were trained with different versions of the code or of packages, so "
        "they may differ in more than the seed."
    )


def test_newest_run_of_a_seed_is_taken(changeable: Path) -> None:
    """As after a change of the code: the same configuration and seed, and another network."""
    good, slow = records(changeable)[0.005, 1], records(changeable)[0.0001, 1]
    folder = changeable / "runs" / "records"
    values = json.loads((folder / f"{good.id}.json").read_text())
    for started, taken in (("2000-01-01", good.id), ("2100-01-01", "smoke-00000000")):
        values |= {"fingerprint": "0" * 16, "stages": slow.stages, "started": started}
        (folder / "smoke-00000000.json").write_text(json.dumps(values))
        networks = compare(changeable, SMOKE, SLOW)["sides"][0]["networks"]
        assert [network["seed"] for network in networks] == [0, 1, 2]
        assert networks[1]["name"] == taken


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["smoke/1"], 2, "A comparison has two to 8 sides; got 1. Write for example pipeline"),
        (["smoke/1", "smoke/1"], 2, "The sides must differ; got 'smoke/1' twice. Remove one"),
        (
            ["smoke/1", "smoek/1"],
            2,
            "There is no run, published model or configuration 'smoek/1' in ",
        ),
        (["smoke/1", "a folder/smoke"], 2, "configuration 'a folder/smoke' in "),
        (["smoke/1", "smoke/9"], 2, "smoke has no version '9'. The versions in "),
        (["smoke/1", "smoke@1"], 2, "got 'smoke@1'. The versions in "),
        (
            ["smoke/1", f"{SMOKE} train.epochs=9"],
            2,
            f"No run of the configuration '{SMOKE} train.epochs=9' is in ",
        ),
        (["smoke/1", f"{SMOKE} train.epoch=9"], 2, "Did you mean train.epochs?"),
        (
            ["smoke/1", str(SMOKE), "--fail-if-worse", "accuracy"],
            2,
            "--fail-if-worse needs several seeds of each side, because scores also differ between "
            "seeds of one configuration; got only one seed of smoke/1. A difference between two "
            "networks does not tell which configuration is better. To train one more: pipeline run "
            "CONFIG train.seed=1 --until evaluate; five seeds of each are a good number. Then add "
            "--seeds, which includes all seeds of a run or version.",
        ),
        (
            [SLOW, str(SMOKE), "--fail-if-worse", "accuracy", "--significance", "0.01"],
            2,
            "With 3 and 3 seeds, no p-value can be below 0.05, so --fail-if-worse cannot find "
            "anything at the significance level 0.01. That needs 5 seeds of each side.",
        ),
        (
            [SLOW, str(SMOKE), "--fail-if-worse", "acuracy"],
            2,
            "got 'acuracy'. Did you mean 'accuracy'? Choose from accuracy, expected_calibration_",
        ),
        ([SLOW, str(SMOKE), "--significance", "0.01"], 2, "0.01 requires --fail-if-worse. Add it."),
        (
            [SLOW, str(SMOKE), "--fail-if-worse", "loss", "--significance", "5"],
            2,
            "--significance must be between 5e-05 and 1; got 5. Write for example --significance ",
        ),
        (
            [str(SMOKE), f"{SMOKE} publish.min_accuracy=0.1"],
            2,
            f"The sides must differ; '{SMOKE}' and '{SMOKE} publish.min_accuracy=0.1' both stand "
            "for smoke-",
        ),
        (
            [SLOW, f"{SMOKE} train.seed=1"],
            2,
            "A configuration stands for the runs of all its seeds, so it cannot set train.seed; "
            f"got '{SMOKE} train.seed=1'. To compare single networks, write their runs; see",
        ),
        (
            [SLOW, f"{SMOKE} optimizer={{name: sgd, momentum: 0.3}} train.epochs=9"],
            2,
            f"pipeline run {SMOKE} 'optimizer={{name: sgd, momentum: 0.3}}' train.epochs=9 "
            "train.seed=0 --until evaluate",
        ),
        ([SLOW, str(SMOKE), "--html", "missing/page.html"], 2, "Cannot write the page to "),
    ],
)
def test_mistake_is_explained(runs: Path, arguments: list[str], code: int, text: str) -> None:
    done = in_process("compare", *arguments, "-C", runs)
    assert_error(done, code)
    assert text in " ".join(done.err.split())


def test_missing_scipy_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.commands import compare as module

    monkeypatch.setattr(module, "find_spec", lambda _: None)
    done = in_process("compare", "a", "b")
    assert_error(done, 3, "pipeline compare requires packages that are not installed.", "[train]")


@pytest.fixture(scope="module")
def page(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "page.html"
    pipeline.compare(SMOKE, SLOW, fail_if_worse="loss", html=path, workspace=runs)
    return path


def test_page_is_self_contained(page: Path) -> None:
    text = page.read_text()
    assert not re.search(r'src=|href="(?!#)|https?://(?!www\.w3\.org)', text)
    [data] = re.findall(r"const data = (\{.*\});", text)
    files = json.loads(data)["comparisons"][0]["files"]
    images = [*files["worse"]["images"], *files["better"]["images"]]
    assert 12 < len(images) <= 24
    assert all(image["picture"].startswith("data:image/png;base64,iVBOR") for image in images)


@pytest.mark.browser
@needs_browser
def test_page_in_a_browser(page: Path) -> None:
    seen = visit_page("comparison_page.mjs", page, page.parent)
    assert (seen["problems"], seen["unnamed"], seen["opened"]) == ([], 0, True)
    assert all(url.startswith("file://") for url in seen["requests"])
    assert seen["widths"] == {"1280 light": 1280, "390 dark": 390, "390 light": 390}
    on_a_phone = {"Verdict", "Metrics on the test set", "Tests over the seeds"}
    assert not on_a_phone & set(seen["scrolled"])  # both sides are visible at once
    assert (seen["curves"], seen["drawnInside"]) == ([6, 6], True)
    assert sorted(seen["endLabels"]) == ["A", "A", "B", "B"]
    assert seen["headings"][0] == "Is the loss worse than that of A?"
    assert all(width == 28 for width, _ in seen["pictures"])
