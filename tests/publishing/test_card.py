"""The model card: its metadata in Hugging Face's library, its numbers, its code, executed."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.artifacts.report import OTHER_PICTURES
from pipeline.publishing.card import model_card
from pipeline.publishing.card_licenses import hub_license, terms_of
from pipeline.publishing.card_metadata import front_matter
from pipeline.publishing.manifest import Manifest
from pipeline.publishing.published_folder import find_published, read_version
from tests.support.single_output import OUTPUTS


def cards(smoke: Path, single_output: Path) -> list[Path]:
    names = ["smoke/1", *(f"{name}/1" for name in OUTPUTS)]
    exported = [smoke, *[single_output] * len(OUTPUTS)]
    return [w / "exported" / name / "README.md" for w, name in zip(exported, names, strict=True)]


@pytest.fixture(scope="module")
def manifest(smoke: Path) -> Manifest:
    return read_version(smoke / "exported" / "smoke" / "1").manifest


def test_hugging_face_writes_the_metadata_back_unchanged(
    smoke: Path, single_output: Path, tmp_path: Path
) -> None:
    from huggingface_hub import ModelCard, metadata_load, metadata_save

    for path in cards(smoke, single_output):
        text = path.read_text()
        card = ModelCard.load(path)
        assert str(card) == text
        card.save(tmp_path / "saved.md")
        assert (tmp_path / "saved.md").read_text() == text
        shutil.copyfile(path, tmp_path / "copy.md")
        metadata_save(tmp_path / "copy.md", metadata_load(path) or {})
        assert (tmp_path / "copy.md").read_text() == text


def test_model_index_is_converted_to_results_and_back(smoke: Path, single_output: Path) -> None:
    from huggingface_hub import metadata_load
    from huggingface_hub.repocard_data import (
        eval_results_to_model_index,
        model_index_to_eval_results,
    )

    for path in cards(smoke, single_output):
        metadata = metadata_load(path)
        assert metadata is not None
        index = metadata["model-index"]
        name, results = model_index_to_eval_results(index)
        assert eval_results_to_model_index(name, results) == index
        manifest = read_version(path.parent).manifest
        scores = {result.metric_type: result.metric_value for result in results}
        assert (name, scores) == (manifest.name, manifest.metrics["test"].scores)


@pytest.mark.parametrize("name", ["on", "1e3", "no", "null", "0o7", "1_000", "2026-11-27", "~"])
def test_text_that_looks_like_something_else_is_quoted(manifest: Manifest, name: str) -> None:
    from huggingface_hub import ModelCard

    text = front_matter(manifest.model_copy(update={"name": name}))
    card = ModelCard(text)
    assert card.data.get("model_name") == name
    assert str(card) == text


def _metadata(manifest: Manifest, **changes: Any) -> Any:
    from huggingface_hub import ModelCard

    return ModelCard(front_matter(manifest.model_copy(update=changes))).data


def test_metadata(manifest: Manifest) -> None:
    data = _metadata(manifest)
    assert (data.license, data.library_name) == ("unknown", "keras")
    assert (data.pipeline_tag, data.datasets) == ("image-classification", ["ylecun/mnist"])
    assert data.tags == ["multiclass", "saved_model", "onnx", "keras"]
    assert _metadata(manifest, formats=("onnx", "onnx_int8")).library_name == "onnx"
    letters = manifest.data.model_copy(update={"name": "emnist/letters:3.1.0", "sampled": False})
    [result, *_] = _metadata(manifest, data=letters).eval_results
    assert (result.dataset_type, result.dataset_config) == ("emnist", "letters")
    assert (result.dataset_split, result.dataset_name) == ("test", "EMNIST")


@pytest.mark.parametrize(
    ("license_id", "expected"),
    [
        (None, {"license": "unknown"}),
        ("Apache-2.0", {"license": "apache-2.0"}),
        ("CC-BY-SA-4.0", {"license": "cc-by-sa-4.0"}),
        ("GPL-3.0-or-later", {"license": "gpl-3.0"}),
        ("ODbL-1.0", {"license": "odbl"}),
        ("LicenseRef-Ours", {"license": "other", "license_name": "licenseref-ours"}),
    ],
)
def test_license_of_the_model(license_id: str | None, expected: dict[str, str]) -> None:
    assert hub_license(license_id) == expected


@pytest.mark.parametrize(
    ("data_set", "words"),
    [
        ("mnist:3.0.1", "CC BY-SA 3.0"),
        ("fashion_mnist", "license: MIT"),
        ("kmnist", "CC BY-SA 4.0"),
        ("emnist/letters", "state no license"),
        ("cifar10", "state no license"),
        ("beans", "look it up"),
    ],
)
def test_license_of_the_data(data_set: str, words: str) -> None:
    assert words in terms_of(data_set).license


def test_unknown_data_set_is_named_with_its_home(manifest: Manifest) -> None:
    data = manifest.data.model_copy(update={"name": "beans"})
    card = model_card(manifest.model_copy(update={"data": data}), 1)
    assert "[beans](https://www.tensorflow.org/datasets/catalog/beans), its license is" in card


def test_own_pictures_have_no_page(manifest: Manifest) -> None:
    from huggingface_hub import ModelCard

    data = manifest.data.model_copy(update={"name": "folder"})
    card = model_card(manifest.model_copy(update={"data": data}), 1)
    assert "\nOwn pictures, whose origin and license only their owner can tell.\n" in card
    assert "catalog" not in card
    assert "classifies images of its publisher's own data set into 10 classes" in card
    assert "in the same way as those of its publisher's own data set, for teaching" in card
    assert "set folder" not in card
    metadata: Any = ModelCard(card).data
    assert metadata.datasets is None


def test_card_has_the_numbers_of_the_manifest(manifest: Manifest) -> None:
    card = model_card(manifest, 1)
    accuracy, interval = manifest.metrics["test"].scores["accuracy"], manifest.intervals["accuracy"]
    assert interval.low < accuracy < interval.high
    low, high = 100 * interval.low, 100 * interval.high
    assert f"accuracy **{100 * accuracy:.2f} %** (95 % interval {low:.2f} to {high:.2f} %)" in card
    assert "Intervals (Wilson for accuracy) cover the choice of the test images" in card
    prints = manifest.stages
    for words in (prints.data, prints.train, prints.evaluate, manifest.published):
        assert words in card
    assert all(f"{name} {version}" in card for name, version in manifest.versions.items())
    assert (
        "\n$ pipeline run configs/smoke.yaml\n" in card or "\n$ pipeline run smoke.yaml\n" in card
    )
    assert "No license was chosen" in card


def test_robustness_has_units(smoke: Path) -> None:
    card = (find_published(smoke / "exported" / "smoke").path / "README.md").read_text()
    for change in ("shift (pixels)", "rotation (degrees)", "noise (standard deviation)"):
        assert f"| {change} | " in card


def test_limits_say_what_was_measured(manifest: Manifest) -> None:
    assert "was not measured for this version" in model_card(manifest, 1)
    card = model_card(manifest, 1, robustness={"rotation (degrees)": {"15": 0.75}})
    assert "| rotation (degrees) | 15 | 0.7500 |" in card
    assert "was not measured for this version" not in card
    number = manifest.model_copy(update={"class_names": (), "target": "value"})
    assert "assigns one of the classes to every image" in card
    assert "assigns one of the classes to every image" not in model_card(number, 1)


def test_answers_without_a_warning_are_those_of_the_manifest(smoke: Path) -> None:
    folder = find_published(smoke / "exported" / "smoke").path
    card = " ".join((folder / "README.md").read_text().split())
    report = json.loads((folder / "manifest.json").read_text())["report"]
    test = report["answered"]
    answered, right = test["answered"] / test["images"], test["right"] / test["answered"]
    assert 0.2 < answered < right < 1
    assert f"{100 * answered:.2f} % of the {test['images']:,} test images are answered; " in card
    assert f"; {100 * right:.2f} % of these answers are right." in card


def test_pictures_from_other_sources_are_those_of_the_manifest(smoke: Path) -> None:
    folder = find_published(smoke / "exported" / "smoke").path
    card = (folder / "README.md").read_text()
    report = json.loads((folder / "manifest.json").read_text())["report"]
    written, letters, photographs = report["other_pictures"]
    assert [written["kind"], letters["kind"], photographs["kind"]] == list(OTHER_PICTURES)
    assert written["images"] == 1797
    assert 0.3 < written["right"] / written["images"] < 0.95
    assert (
        f"| 1,797 | {100 * written['right'] / 1797:.2f} % | {100 * written['answered'] / 1797:.2f} "
        f"% | {100 * written['answered_right'] / written['answered']:.2f} % |" in card
    )
    for found in (letters, photographs):
        assert 0 <= found["answered"] < found["images"]
        share = 100 * found["answered"] / found["images"]
        assert f"| {found['images']} |  | {share:.2f} % |  |" in card
    assert "CC BY 4.0" in card
    assert "Expect worse results on images from another source" in " ".join(card.split())
    assert "not measured" not in card


def test_card_without_handwriting_does_not_describe_it(manifest: Manifest) -> None:
    """As of two classes of MNIST, whose handwriting is not measured."""
    report = manifest.report or {}
    others = [found for found in report["other_pictures"] if found["kind"] != "handwriting"]
    card = model_card(
        manifest.model_copy(update={"report": {**report, "other_pictures": others}}), 1
    )
    assert "The letters are in six fonts" in card
    assert "The handwriting is" not in card


def test_model_without_any_sure_answer_has_a_card(manifest: Manifest) -> None:
    report = {**(manifest.report or {}), "answered": {"images": 10, "answered": 0, "right": 0}}
    card = model_card(manifest.model_copy(update={"report": report}), 1)
    assert "unsure, 0.00 % of the 10 test images are answered." in " ".join(card.split())


def test_what_was_not_measured_is_said_with_the_command_that_measures_it(
    manifest: Manifest,
) -> None:
    other_data = manifest.model_copy(
        update={"report": {**(manifest.report or {}), "other_pictures": []}}
    )
    card = model_card(other_data, 1)
    assert "other handwriting, another scanner or another way of cropping: not measured." in card
    assert "whose labels you know: `pipeline evaluate smoke FOLDER`" in card
    assert "How many of those are answered without a warning: not measured." in card
    assert "`pipeline evaluate smoke FILE.csv`, with an empty label for them" in card
    number = manifest.model_copy(update={"class_names": (), "target": "value"})
    assert "FILE.csv" not in model_card(number, 1)


def test_answers_are_not_counted_without_the_file_that_their_rules_need(
    manifest: Manifest,
) -> None:
    """Without an ONNX file, ``predict`` cannot tell what is unlike the training images."""
    without: list[dict[str, Any]] = [{"formats": ("keras",)}, {"report": None}, {"report": {}}]
    for changes in without:
        card = model_card(manifest.model_copy(update=changes), 1)
        assert "test images are answered" not in card


def _snippets(readme: Path) -> list[tuple[str, str]]:
    section = re.search(r"^## Use\n(.*?)^## ", readme.read_text(), re.DOTALL | re.MULTILINE)
    assert section is not None
    return re.findall(r"```(python|js)\n(.*?)```", section[1], re.DOTALL)


CHECK = """
expected = np.load("golden.npz")["probabilities"]
np.testing.assert_allclose({output}, expected, rtol=0, atol=1e-4)
"""


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.tensorflow
def test_python_code_predicts_what_the_model_predicts(published: Path) -> None:
    code = [code for language, code in _snippets(published / "README.md") if language == "python"]
    images, *runtimes = code
    assert len(runtimes) == 5
    for one in runtimes:
        script = images + one + CHECK.format(output="probabilities")
        subprocess.run([sys.executable, "-c", script], cwd=published, check=True)


@pytest.mark.process
def test_javascript_code_runs(published: Path, tmp_path: Path) -> None:
    from pipeline.runtimes.npm import packages_folder

    [code] = [code for language, code in _snippets(published / "README.md") if language == "js"]
    shutil.copyfile(published / "model.onnx", tmp_path / "model.onnx")
    (tmp_path / "node_modules").symlink_to(packages_folder() / "node_modules")
    (tmp_path / "main.mjs").write_text(code)
    done = subprocess.run(
        ["node", "main.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("Float32Array(10)")


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.slow
@pytest.mark.process
@pytest.mark.tensorflow
def test_code_of_models_with_a_single_output(single_output: Path, name: str) -> None:
    version = single_output / "exported" / name / "1"
    images, *runtimes = [code for language, code in _snippets(version / "README.md")
                         if language == "python"]  # fmt: skip
    output = json.loads((version / "manifest.json").read_text())["contract"]["outputs"][0]["name"]
    script = images + runtimes[-1] + CHECK.format(output=output)
    subprocess.run([sys.executable, "-c", script], cwd=version, check=True)
