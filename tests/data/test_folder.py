"""Folders of own pictures, arranged by class: splits, sizes, channels, errors."""

import os
import shutil
import tracemalloc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.artifacts.data_set import DataSet, read_data
from pipeline.artifacts.data_source import PICTURES, Source
from pipeline.artifacts.stage_facts import DataFacts, Resizing
from pipeline.commands.doctor import _data as data_finding
from pipeline.commands.verify_file import _data_of_file as data_of_file
from pipeline.config import read
from pipeline.config.data_schema import Data
from pipeline.data.folder_content import read_content
from pipeline.data.folder_pictures import Problems, read_images
from pipeline.data.folder_splits import write_folder
from pipeline.engine.runner import StageResult
from pipeline.engine.workspace import Workspace
from pipeline.errors import ConfigError, DataFileError
from pipeline.imaging.resizing import resized
from pipeline.progress import Silent
from pipeline.stages import run_stages
from tests.support.command_line import assert_error, in_process
from tests.support.picture_folders import CLASSES, picture, write_classes

COUNT = 20  # pictures of each class


class Notices(Silent):
    """Keeps the notices."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def notice(self, text: str) -> None:
        self.texts.append(text)


def run(folder: Path, *overrides: str, progress: Silent | None = None) -> StageResult:
    workspace = folder.parent
    (workspace / "own.yaml").write_text("name: own\n")
    config = read(workspace / "own.yaml", ["data.name=folder", f"data.path={folder}", *overrides])
    [result] = run_stages(config, Workspace(workspace), progress or Silent(), until="data")
    return result


def data_of(folder: Path, *overrides: str) -> DataSet:
    return read_data(run(folder, *overrides).output.path)


def facts_of(folder: Path, *overrides: str) -> DataFacts:
    facts: DataFacts = run(folder, *overrides).output.facts
    return facts


@pytest.fixture
def shapes(tmp_path: Path) -> Path:
    return write_classes(tmp_path / "shapes", COUNT)


def numbers(split: Any) -> set[tuple[int, int]]:
    """Return the class and the number of each picture, which its pixels show."""
    return {(int(image[0, 0, 0]), int(image[0, 1, 0])) for image in split.images}


def test_class_folders_are_split_by_seed_and_class(shapes: Path) -> None:
    data = data_of(shapes)
    assert data.class_names == CLASSES
    assert [len(data.train), len(data.validation), len(data.test)] == [39, 9, 12]
    for split, least in ((data.train, 13), (data.validation, 3), (data.test, 4)):
        assert np.bincount(split.labels).tolist() == [least] * 3
        np.testing.assert_array_equal(split.labels, split.images[:, 0, 0, 0])
    everything = numbers(data.train) | numbers(data.validation) | numbers(data.test)
    assert everything == {(label, number) for label in range(3) for number in range(COUNT)}


def test_test_pictures_do_not_depend_on_the_seed(shapes: Path) -> None:
    one, other = data_of(shapes), data_of(shapes, "data.seed=1")
    assert numbers(one.test) == numbers(other.test)
    assert numbers(one.validation) != numbers(other.validation)


def test_numbers_of_pictures_to_set_aside(shapes: Path) -> None:
    facts = facts_of(shapes, "data.validation=6", "data.test=3")
    assert (facts.train, facts.validation, facts.test) == (51, 6, 3)


def test_split_folders_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "shapes"
    for first, split in enumerate(("train", "val", "test")):
        write_classes(folder / split, 5, first=100 * first)
    data = data_of(folder)
    found = (numbers(split) for split in (data.train, data.validation, data.test))
    for first, pairs in enumerate(found):
        assert {number // 100 for _, number in pairs} == {first}
    with pytest.raises(ConfigError, match=r"has its own validation pictures; got 5 to set aside"):
        data_of(folder, "data.validation=5")


def test_missing_splits_are_set_aside(tmp_path: Path) -> None:
    folder = tmp_path / "shapes"
    write_classes(folder / "train", COUNT)
    write_classes(folder / "test", 5, first=100)
    facts = facts_of(folder)
    assert (facts.train, facts.validation, facts.test) == (48, 12, 15)


def test_class_may_be_named_train(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "vehicles", 10)
    (folder / "circle").rename(folder / "train")
    write_classes(folder / "train" / "more", 1, first=50)
    assert data_of(folder).class_names == ("cross", "square", "train")


def test_target_applies(shapes: Path) -> None:
    data = data_of(shapes, "data.target={pair: [square, circle]}", "task=binary")
    assert data.class_names == ("square", "circle")
    np.testing.assert_array_equal(data.test.labels, data.test.images[:, 0, 0, 0] == 0)
    with pytest.raises(ConfigError, match=r"A folder of pictures has no feature 'color'; its cla"):
        data_of(shapes, "data.target=color")


def test_only_changed_pictures_run_the_stage_again(shapes: Path) -> None:
    first = run(shapes)
    for path in shapes.rglob("*.png"):
        os.utime(path, (1, 1))
    (shapes / ".DS_Store").write_bytes(b"x")
    (shapes / "circle" / "Thumbs.db").write_bytes(b"x")
    moved = shapes.with_name("moved")
    shapes.rename(moved)
    again = run(moved)
    assert (first.status, again.status) == ("ran", "cached")
    picture(0, 77).save(moved / "circle" / "000.png")
    changed = run(moved)
    assert changed.status == "ran"
    assert changed.output.facts.content != first.output.facts.content


def test_why_names_the_content(shapes: Path) -> None:
    run(shapes)
    picture(0, 77).save(shapes / "circle" / "000.png")
    done = in_process("why", shapes.parent / "own.yaml", "data", "data.name=folder",
                      f"data.path={shapes}", "-C", shapes.parent)  # fmt: skip
    assert "content changed from" in done.out


def test_pictures_of_different_sizes_need_a_size(shapes: Path) -> None:
    picture(1, 3, (30, 20)).save(shapes / "cross" / "003.png")
    with pytest.raises(ConfigError) as caught:
        data_of(shapes)
    text = str(caught.value)
    assert "circle/000.png has 12 x 10 pixels" in text
    assert "cross/003.png 30 x 20 (data.size in" in text
    assert "Write, for example, size: [28, 28] (height, width)" in text


@pytest.mark.parametrize("fit", ["fit", "crop"])
def test_pictures_are_resized_as_predict_does(shapes: Path, fit: Any) -> None:
    picture(1, 3, (30, 20)).save(shapes / "cross" / "003.png")
    result = run(shapes, "data.size=[8, 9]", f"data.fit={fit}")
    data, facts = read_data(result.output.path), result.output.facts
    assert facts.preprocessing == Resizing("resize", (8, 9), 1, fit)
    splits = (data.train, data.validation, data.test)
    found = sorted(image.tobytes() for split in splits for image in split.images)
    with_color = (Image.open(path) for path in shapes.rglob("*.png"))
    assert found == sorted(resized(each, (8, 9), fit, 1).tobytes() for each in with_color)


def test_large_pictures_need_a_size(tmp_path: Path) -> None:
    for name in CLASSES:
        (tmp_path / "a" / name).mkdir(parents=True)
        Image.new("L", (1200, 4)).save(tmp_path / "a" / name / "x.png")
    with pytest.raises(ConfigError, match=r"at most 1024 x 1024 pixels; .*x.png has 1200 x 4 \(da"):
        data_of(tmp_path / "a")


def test_photograph_that_was_turned_has_its_upright_size(shapes: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(1, 3, (10, 12)).save(shapes / "cross" / "003.png", exif=exif)
    assert facts_of(shapes).image_shape == (10, 12, 1)


def test_one_colored_pixel_makes_the_images_color(shapes: Path) -> None:
    assert facts_of(shapes).image_shape == (10, 12, 1)  # though the files are in color
    colored = picture(2, 19)
    colored.putpixel((5, 5), (255, 0, 0))
    colored.save(shapes / "square" / "019.png")
    assert facts_of(shapes).image_shape == (10, 12, 3)
    assert facts_of(shapes, "data.channels=1").image_shape == (10, 12, 1)


def test_damaged_pictures_are_named_together(shapes: Path) -> None:
    path = shapes / "circle" / "004.png"
    path.write_bytes(path.read_bytes()[:-30])
    (shapes / "square" / "005.png").write_bytes(b"no picture")
    (shapes / "square" / "006.png").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0")
    with pytest.raises(DataFileError) as caught:
        data_of(shapes)
    first, *lines = str(caught.value).splitlines()
    assert first == "3 of 60 pictures cannot be read:"
    assert "circle/004.png as a picture: " in lines[0]
    assert "square/005.png as a picture: unknown image format. Replace it" in lines[1]
    assert "got HEIC in" in lines[2]
    assert not list((shapes.parent / "runs" / "data").glob("*"))


def test_many_damaged_pictures_end_the_search(shapes: Path) -> None:
    for path in (shapes / "circle").iterdir():
        path.write_bytes(b"no picture")
    with pytest.raises(DataFileError, match=r"^At least 10 of 60 pictures cannot be read"):
        data_of(shapes)


def test_damaged_pixels_are_found_when_the_pictures_are_read(shapes: Path) -> None:
    """If size and channels are given, no picture is read before."""
    path = shapes / "circle" / "004.png"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataFileError, match=r"1 of 60 pictures cannot be read:\n.*circle/004.png"):
        data_of(shapes, "data.size=8", "data.channels=1")


@pytest.mark.parametrize(
    ("side", "words"),
    [
        (5000, r"at most 20,000,000 pixels.*5000 x 5000 in .*bomb"),
        (10_000, r"at most 20,000,000 pixels.*10000 x 10000 in .*bomb"),
        (15_000, "too many pixels"),
    ],
)
def test_decompression_bomb_is_refused(shapes: Path, side: int, words: str) -> None:
    Image.new("1", (side, side)).save(shapes / "circle" / "bomb.png")
    with pytest.raises(DataFileError, match=words):
        data_of(shapes, "data.size=8")


def test_named_pipe_is_not_read(shapes: Path) -> None:
    os.mkfifo(shapes / "circle" / "pipe.png")
    with pytest.raises(DataFileError, match=r"Cannot read .*pipe.png.*named pipe"):
        data_of(shapes)


def test_other_files_are_named_and_hidden_ones_are_not(shapes: Path) -> None:
    for name in ("labels.csv", ".DS_Store", "circle/Thumbs.db", "circle/notes.txt"):
        (shapes / name).write_text("x")
    notices = Notices()
    run(shapes, progress=notices)
    [text] = notices.texts
    assert text.startswith("Left out 2 files that are not pictures in ")
    assert text.endswith(": circle/notes.txt, labels.csv.")


def test_duplicates_across_splits_are_reported(tmp_path: Path) -> None:
    folder = tmp_path / "shapes"
    for first, split in enumerate(("train", "validation", "test")):
        write_classes(folder / split, 5, first=100 * first)
    shutil.copy(folder / "train/circle/000.png", folder / "test/circle/copy.png")
    shutil.copy(folder / "train/square/000.png", folder / "validation/square/copy.png")
    picture(0, 1).save(folder / "test/cross/same.bmp")  # the same pixels, with another label
    notices = Notices()
    facts = run(folder, progress=notices).output.facts
    assert (facts.duplicates.images, facts.duplicates.other_label) == (3, 1)
    [text] = notices.texts
    assert text.startswith("3 of 33 validation and test images are exact copies of images in ano")
    assert "test/circle/copy.png is train/circle/000.png" in text
    assert text.endswith("1 of them has a different label there.")


def test_without_duplicates_there_is_no_notice(shapes: Path) -> None:
    notices = Notices()
    assert run(shapes, progress=notices).output.facts.duplicates is None
    assert notices.texts == []


def _no_folder(_: Path) -> None:
    pass


def _empty(folder: Path) -> None:
    folder.mkdir()


def _loose(folder: Path) -> None:
    write_classes(folder, 5)
    picture(0, 0).save(folder / "a.png")


def _loose_in_split(folder: Path) -> None:
    write_classes(folder / "train", 5)
    write_classes(folder / "test", 5)
    (folder / "test" / "more").mkdir()
    picture(0, 0).save(folder / "a.png")


def _one_class(folder: Path) -> None:
    write_classes(folder / "pictures", 5)


def _empty_class(folder: Path) -> None:
    write_classes(folder, 5)
    (folder / "star").mkdir()


def _no_train(folder: Path) -> None:
    write_classes(folder / "test", 5)


def _unknown_split(folder: Path) -> None:
    write_classes(folder / "train", 5)
    write_classes(folder / "extra", 5)


def _untrained(folder: Path) -> None:
    write_classes(folder / "train", 5)
    write_classes(folder / "test", 5)
    (folder / "test" / "circle").rename(folder / "test" / "star")


def _few(folder: Path) -> None:
    write_classes(folder, 2)


@pytest.mark.parametrize(
    ("arrange", "words"),
    [
        (_no_folder, ["The folder", "does not exist (data.path in", "Create it, or correct"]),
        (_empty, ["a folder with pictures for each of at least two classes; got no folders"]),
        (_loose, ["Every picture must be in the folder of its class; got 'a.png' in",
                  "Move it to CLASS/a.png"]),
        (_loose_in_split, ["in the folder of its class; got 'a.png'", "Move it to CLASS/a.png"]),
        (_one_class, ["at least two classes; got only 'pictures'"]),
        (_empty_class, ["Every class folder must contain pictures; got none in", "/star"]),
        (_no_train, ["A folder with splits must contain train", "got 'test' in"]),
        (_unknown_split, ["may contain validation (or val) and test", "got 'extra', 'train' in"]),
        (_untrained, ["Every class must have training pictures; got 'test/star/000.png'"]),
        (_few, ["Every class needs at least 3 pictures, for training, validation and test; got 2 "
                "of 'circle'"]),
    ],
)  # fmt: skip
def test_wrong_arrangement_is_explained(tmp_path: Path, arrange: Any, words: list[str]) -> None:
    arrange(tmp_path / "own")
    with pytest.raises(ConfigError) as caught:
        data_of(tmp_path / "own")
    for word in [*words, "data.path in"]:
        assert word in str(caught.value)


def test_changed_folder_is_not_stored_as_another(shapes: Path, tmp_path: Path) -> None:
    content = read_content(shapes, Silent())
    source = Source(PICTURES, "", content=content.sha256)
    data = Data(name="folder", path=str(shapes))
    picture(0, 77).save(shapes / "circle" / "000.png")
    with pytest.raises(DataFileError, match=r"shapes changed while the run was in progress. Run"):
        write_folder(data, source, tmp_path, Silent())


def test_picture_that_changes_while_it_is_read_is_named(shapes: Path) -> None:
    content = read_content(shapes, Silent())
    picture(0, 77).save(shapes / "circle" / "003.png")
    with pytest.raises(DataFileError, match=r"circle/003.png changed while the run was in progres"):
        list(read_images(content, range(5), (10, 12, 1), "fit", Problems(5)))


def test_loop_of_links_ends(shapes: Path) -> None:
    (shapes / "circle" / "loop").symlink_to(shapes)
    assert len(read_content(shapes, Silent()).index.pictures) == 3 * COUNT


def test_memory_does_not_depend_on_the_number_of_pictures(tmp_path: Path) -> None:
    """The images take 30 MB; no more than 256 of them, 2 MB, are in memory."""
    folder = tmp_path / "many"
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        picture(label, 0, (52, 50)).save(folder / name / "0.png")
        for number in range(1, 1300):
            os.link(folder / name / "0.png", folder / name / f"{number}.png")
    content = read_content(folder, Silent())
    (tmp_path / "out").mkdir()
    tracemalloc.start()
    write_folder(
        Data(name="folder", path=str(folder), channels=3, size=(50, 52)),
        Source(PICTURES, "", content=content.sha256),
        tmp_path / "out",
        Silent(),
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(path.stat().st_size for path in (tmp_path / "out").glob("*.npy")) > 30e6
    assert peak < 15e6


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["data=folder"], ["requires a path, the folder with the pictures (data.path in",
                           "{name: folder, path: DIR}"]),
        (["data.path=x"], ["only allowed with data.name: folder; got 'x' for mnist (data.path in"]),
        (["data.test=5"], ["set aside only with data.name: folder; mnist has its own"]),
    ],
)  # fmt: skip
def test_keys_of_folders(tmp_path: Path, overrides: list[str], words: list[str]) -> None:
    (tmp_path / "a.yaml").write_text("name: a\n")
    done = in_process("run", tmp_path / "a.yaml", *overrides, "-C", tmp_path)
    assert_error(done, 2, *words)


def test_doctor_says_how_to_arrange_the_pictures(shapes: Path) -> None:
    fine = data_finding(Data(name="folder", path=str(shapes)), Silent())
    assert (fine.fine, fine.found) == (True, f"60 pictures in {shapes}")
    missing = data_finding(Data(name="folder", path=str(shapes / "none")), Silent())
    assert not missing.fine
    assert missing.advice.startswith("Correct the folder or its files; docs/data.md shows how to")


def test_file_of_a_folder_is_verified_as_a_published_version() -> None:
    result: Any = SimpleNamespace(metadata={"data_set": "folder"})
    nothing: Any = None
    with pytest.raises(DataFileError, match=r"m.onnx is a model of a folder of pictures, which a "):
        data_of_file(result, nothing, nothing, Path("m.onnx"), nothing, Silent())
