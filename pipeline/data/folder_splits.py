"""A folder of pictures -> the arrays of the splits, without more than a few images in memory."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.artifacts import data_set
from pipeline.artifacts.data_set import SPLITS
from pipeline.config.key_errors import InvalidValue
from pipeline.data.folder_content import Content, content_of
from pipeline.data.folder_pictures import Problems, changed, read_images
from pipeline.data.sample import TEST_SEED
from pipeline.data.splitting import Indices, selected, set_aside
from pipeline.data.targets import Labels, Target, describe
from pipeline.progress import IMAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from pipeline.artifacts.data_source import Source
    from pipeline.config.data_schema import Data
    from pipeline.data.folder_index import Index
    from pipeline.progress import Progress

_SHOWN = 5  # names in a message
Names = dict[str, list[str]]


def write_folder(
    data: "Data", source: "Source", folder: Path, progress: "Progress"
) -> tuple[Target, Names]:
    """Write the arrays of all splits; return the target, and the path of each picture by split.

    Raises:
        InvalidValue: a split does not have every class, or is set aside although it exists.
        DataFileError: pictures cannot be read, or changed since the run began.
    """
    content = content_of(data, progress)
    index = content.index
    if content.sha256 != source.content:
        raise changed(index.root)
    shape, target = describe(data, progress)
    labels = _labels(index)
    splits = split_pictures(data, index, labels, target)
    problems, done = Problems(sum(map(len, splits.values()))), 0
    with progress.task(f"reading {index.root.name}", problems.total, unit=IMAGES) as task:

        def images(indices: Indices) -> "Iterator[npt.NDArray[np.uint8]]":
            nonlocal done
            for chunk in read_images(content, indices.tolist(), shape, data.fit, problems):
                yield chunk
                done += len(chunk)
                task.update(done)

        for name, indices in splits.items():
            path = folder / data_set.split_file(name, "images")
            data_set.write_array(path, images(indices), (len(indices), *shape), np.uint8)
            data_set.write_labels(folder, name, target.convert(labels[indices]))
    problems.report()
    _report_others(content, progress)
    return target, {
        name: [index.pictures[i].path for i in indices] for name, indices in splits.items()
    }


def split_pictures(
    data: "Data", index: "Index", labels: Labels, target: Target
) -> dict[str, Indices]:
    """Return the indices of the pictures in each split.

    What is missing is set aside from the training pictures. As that of the sample, the test set
    does not depend on ``data.seed``: models of different seeds are tested on the same pictures.

    Raises:
        InvalidValue: a split does not have every class, or is set aside although it exists.
    """
    for key in ("validation", "test"):
        if key in index.splits and getattr(data, key) is not None:
            raise InvalidValue(
                f"data.{key}",
                f"{index.root} has its own {key} pictures; got {getattr(data, key):,} to set aside",
                f"Remove the key, or the folder {key}.",
            )
    chosen = selected(target, labels)
    of_picture = np.array([picture.split or "train" for picture in index.pictures])
    found = {name: chosen[of_picture[chosen] == name] for name in SPLITS}
    missing = [name for name in ("test", "validation") if name not in index.splits]
    needed = [name for name in missing if getattr(data, name) != 0]
    _check_classes(index, labels[found["train"]], 1 + len(needed))
    for name in needed:
        seed = TEST_SEED if name == "test" else data.seed
        found["train"], found[name] = set_aside(
            found["train"], labels, getattr(data, name), seed, key=name
        )
    return found


def _labels(index: "Index") -> Labels:
    numbers = {name: number for number, name in enumerate(index.class_names)}
    return np.array([numbers[picture.class_name] for picture in index.pictures], np.int64)


def _check_classes(index: "Index", labels: Labels, least: int) -> None:
    """Check that each class has enough training pictures to set some aside."""
    classes, counts = np.unique(labels, return_counts=True)
    if (counts < least).any():
        few = int(np.argmin(counts))
        sides = {1: "training", 2: "training and another split", 3: "training, validation and test"}
        raise InvalidValue(
            "data.path",
            f"Every class needs at least {least} pictures, for {sides[least]}; got {counts[few]} "
            f"of {index.class_names[classes[few]]!r} in {index.root}",
            "Add pictures of this class, or remove its folder.",
        )


def _report_others(content: Content, progress: "Progress") -> None:
    others = content.index.others
    if others:
        listed = ", ".join(others[:_SHOWN]) + (", ..." if len(others) > _SHOWN else "")
        count = (
            "1 file that is not a picture"
            if len(others) == 1
            else (f"{len(others):,} files that are not pictures")
        )
        progress.notice(f"Left out {count} in {content.index.root}: {listed}.")
