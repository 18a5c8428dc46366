"""``evaluate``: labeled pictures and the test set, in the terminal, as JSON and as a page."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pipeline
from pipeline.artifacts.data_set import read_data
from pipeline.publishing.published_folder import find_published
from tests.support.command_line import assert_error, in_process
from tests.support.paths import PROJECT
from tests.support.single_output import DIGIT_VALUE

SEVEN, NUMBER, EMPTY = (
    PROJECT / "samples" / name for name in ("seven.png", "number_172.png", "empty_sheet.png")
)
IMAGES, STEP = 40, 25  # of 1,000, which are sorted by class


@pytest.fixture
def pictures(smoke: Path, tmp_path: Path) -> Path:
    """A folder with test digits in the folders of their classes, and three other pictures."""
    [data] = (smoke / "runs" / "data").iterdir()
    test = read_data(data).test
    for number, (image, label) in enumerate(
        zip(test.images[::STEP], test.labels[::STEP], strict=True)
    ):
        folder = tmp_path / "pictures" / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(image).squeeze()).save(folder / f"{number}.png")
    for name, content in (("several.png", NUMBER.read_bytes()), ("damaged.png", b"nonsense")):
        (tmp_path / "pictures" / "7" / name).write_bytes(content)
    (tmp_path / "pictures" / "8" / "seven.png").write_bytes(SEVEN.read_bytes())
    (tmp_path / "pictures" / ".DS_Store").touch()
    return tmp_path / "pictures"


def test_folder_is_evaluated(smoke: Path, pictures: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    found = pipeline.evaluate("smoke", pictures, html=page, workspace=smoke)
    total = IMAGES + 3
    assert len(found.answers) == total
    expected = pipeline.predict(
        "smoke",
        [pictures / a.name for a in found.answers if a.outcome != "unreadable"],
        workspace=smoke,
    )
    right = sum(e.label == Path(e.file).parent.name for e in expected)
    assert found.counts["right"] == right
    assert found.accuracy == right / total
    assert found.counts["unreadable"] == found.counts["no answer"] == 1
    by_name = {answer.name: answer for answer in found.answers}
    assert by_name["7/several.png"].reason == "more than one digit"
    assert "Cannot read" in (by_name["7/damaged.png"].reason or "")
    wrong = by_name["8/seven.png"]
    assert (wrong.label, wrong.answer, wrong.outcome) == ("8", "7", "wrong")
    assert found.confusion()[8][7] >= 1
    assert sum(map(sum, found.confusion())) == total - 2
    html = page.read_text()
    assert "7/damaged.png" in html
    rows = re.findall(r"<tr>(.*?)</tr>", html.split("Pictures with a warning")[-1], re.DOTALL)
    warned = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows][1:]
    assert warned[0] == ["7/several.png", "7", "none", "more than one digit"]
    assert len(warned) >= found.warned
    if wrong.is_silent_mistake:
        assert "8 → 7" in html


def test_folders_are_read_as_those_of_a_data_set(smoke: Path, tmp_path: Path) -> None:
    """Folders inside a class folder belong to the class, also below the folder of a split."""
    for root in (tmp_path / "classes", tmp_path / "splits" / "train", tmp_path / "splits" / "test"):
        (root / "7" / "march").mkdir(parents=True)
        (root / "7" / "march" / "seven.png").write_bytes(SEVEN.read_bytes())
    for name, count in (("classes", 1), ("splits", 2)):
        found = pipeline.evaluate("smoke", tmp_path / name, workspace=smoke)
        assert [answer.label for answer in found.answers] == ["7"] * count


def test_sentences_of_few_pictures(smoke: Path, tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "damaged.png").write_bytes(b"nonsense")
    done = in_process("evaluate", "smoke", tmp_path, "-C", smoke)
    assert done.out.startswith("0.00 % of 1 picture is classified correctly (0). There are no")
    (tmp_path / "7" / "damaged.png").write_bytes(SEVEN.read_bytes())
    done = in_process("evaluate", "smoke", tmp_path, "-C", smoke)
    assert done.out.startswith("100.00 % of 1 picture is classified correctly (1).")


def test_text_and_json(smoke: Path, pictures: Path) -> None:
    done = in_process("evaluate", "smoke", pictures, "-C", smoke)
    assert done.code == 0, done.err
    assert re.match(
        r"\d+\.\d\d % of 43 pictures are classified correctly \(\d+\)\. \d+\.\d\d % are", done.out
    )
    assert "Warning for 1 of them: more than one digit" in done.out
    assert "! Cannot read" in done.out
    document = json.loads(in_process("evaluate", "smoke", pictures, "--json", "-C", smoke).out)
    assert document["pictures"] == sum(document["counts"].values()) == len(document["answers"])
    assert document["answers"][0]["name"] == "0/" + Path(document["answers"][0]["name"]).name


def test_pictures_of_a_csv_file(smoke: Path, tmp_path: Path) -> None:
    """An empty label is that of a picture without a digit."""
    for path in (SEVEN, EMPTY):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    table = tmp_path / "labels.csv"
    table.write_text(f"file,label,note\n{SEVEN.name},7,x\n{EMPTY.name},,\n{EMPTY.name},3,\n")
    found = pipeline.evaluate("smoke", table, workspace=smoke)
    assert [answer.outcome for answer in found.answers] == ["right", "right", "no answer"]


def test_test_set_has_the_accuracy_of_the_manifest(smoke: Path, tmp_path: Path) -> None:
    manifest = find_published(smoke / "exported" / "smoke").manifest
    page = tmp_path / "page.html"
    done = in_process("evaluate", "smoke", "--json", "-C", smoke, "--html", page)
    document = json.loads(done.out)
    assert document["accuracy"] == manifest.metrics["test"].scores["accuracy"]
    assert document["confusion"] == [list(row) for row in manifest.metrics["test"].confusion]
    assert page.read_text().count('<img class="picture"') == min(
        60, len([a for a in document["answers"] if a["outcome"] == "wrong" and not a["unsure"]])
    )


def test_changed_test_set_has_the_score_of_the_report(smoke: Path) -> None:
    manifest = find_published(smoke / "exported" / "smoke").manifest
    assert manifest.report
    rows = {row["change"]: row for row in manifest.report["robustness"]}
    for name, change, strength in (("shift", "shift", 2), ("rotate", "rotation", 20)):
        place = rows[change]["strengths"].index(strength)
        found = pipeline.evaluate("smoke", augment={name: strength}, workspace=smoke)
        assert found.accuracy == pytest.approx(rows[change]["scores"][place])
        assert found.changes == f"{change} {strength}"


def test_attack_lowers_the_accuracy(smoke: Path) -> None:
    manifest = find_published(smoke / "exported" / "smoke").manifest
    assert manifest.report
    [row] = [row for row in manifest.report["robustness"] if row["change"] == "attack"]
    assert row["strengths"] == [0.02, 0.05, 0.1, 0.2]
    scores = [manifest.metrics["test"].scores["accuracy"], *row["scores"]]
    assert scores == sorted(scores, reverse=True)
    assert scores[3] < 0.5 * scores[0]


def test_file_has_classes_by_number(smoke: Path, pictures: Path) -> None:
    file = smoke / "exported" / "smoke" / "1" / "model.onnx"
    found = pipeline.evaluate(file, pictures, workspace=smoke)
    assert found.class_names == tuple("0123456789")
    assert found.counts == pipeline.evaluate("smoke", pictures, workspace=smoke).counts


def test_values_have_errors(single_output: Path, tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "seven.png").write_bytes(SEVEN.read_bytes())
    (tmp_path / "7" / "empty.png").write_bytes(EMPTY.read_bytes())
    found = pipeline.evaluate(DIGIT_VALUE, tmp_path, workspace=single_output)
    [seven] = [answer for answer in found.answers if answer.value is not None]
    assert found.rmse == pytest.approx(abs((seven.value or 0) - 7))
    assert found.counts["no answer"] == 1
    done = in_process("evaluate", DIGIT_VALUE, tmp_path, "-C", single_output)
    assert done.out.startswith(f"The RMSE is {found.rmse:.4f} on 1 picture; 1 has no answer.")
    (tmp_path / "7" / "seven.png").unlink()
    done = in_process("evaluate", DIGIT_VALUE, tmp_path, "-C", single_output)
    assert done.out.startswith("No picture has an answer.")
    (tmp_path / "seven").mkdir()
    (tmp_path / "seven" / "seven.png").write_bytes(SEVEN.read_bytes())
    done = in_process("evaluate", DIGIT_VALUE, tmp_path, "-C", single_output)
    assert_error(done, 2, "labels must be numbers; got 'seven' for seven/seven.png")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none"], "got none, which does not exist"),
        (["some.txt"], "got some.txt, which is neither"),
        (["empty"], "There are no pictures in empty. Make a folder for each class"),
        (["loose"], "got '1.png' in loose. Move it to CLASS/1.png"),
        (["other"], "got 'cat' for cat/1.png. Rename the folder, or correct the label;"),
        (["bare.csv"], "must begin with a line that names the columns file and label"),
        (["split"], "got 'test/1.png' in split. Move it to test/CLASS/1.png"),
        (["twice.csv"], "must name the columns file and label once; got file, label, label."),
        (["short.csv"], "Line 2 of short.csv has no label. Correct or remove the line."),
        (["binary.csv"], "Cannot read binary.csv as CSV"),
        (["other", "--augment", "shift=2"], "--augment changes the images of the test set"),
        (["--augment", "blur=2"], "must be shift=STRENGTH, rotation=STRENGTH"),
        (["--augment", "shift=nan"], "strength of shift must be from -28 to 28; got nan."),
        (["--augment", "noise=-1"], "strength of noise must be from 0 to 1; got -1."),
        (["--augment", "rotate=1,rotation=2"], "must name each change once"),
        (["none.csv"], "none.csv lists no pictures. Add a line for each."),
        (["--augment", "shift"], "must be NAME=STRENGTH,... with numbers"),
        (["other", "--html", "none/page.html"], "the folder none does not exist"),
    ],
)
def test_mistakes_are_explained(
    smoke: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("empty", "loose", "other/cat", "split/train/7", "split/test"):
        Path(folder).mkdir(parents=True)
    for path in ("loose/1.png", "other/cat/1.png", "split/train/7/1.png", "split/test/1.png"):
        Path(path).write_bytes(SEVEN.read_bytes())
    Path("some.txt").touch()
    Path("bare.csv").write_text("a.png,1\n")
    Path("twice.csv").write_text("file,label,label\na.png,1,2\n")
    Path("short.csv").write_text("file,label\na.png\n")
    Path("none.csv").write_text("file,label\n")
    Path("binary.csv").write_bytes(b"\xff\xfe\x00\n")
    done = in_process("evaluate", "smoke", *arguments, "-C", smoke)
    assert_error(done, 2, words)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        *("bare.csv", "binary.csv", "empty", "loose", "none.csv", "other", "short.csv", "some.txt"),
        *("split", "twice.csv"),
    ]
