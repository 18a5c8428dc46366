"""The stage ``data``: a source -> train, validation and test arrays."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.artifacts import data_set
from pipeline.artifacts.data_source import Source
from pipeline.artifacts.stage_facts import DataFacts
from pipeline.config.key_errors import InvalidValue, with_places
from pipeline.data import tfds
from pipeline.data.sample import NUM_TEST, TEST_SEED, read_sample
from pipeline.data.sources import tfds_root
from pipeline.engine.context import Context
from pipeline.engine.stage import Outcome
from pipeline.errors import DataFileError

if TYPE_CHECKING:
    from pipeline.config.schema import Data
    from pipeline.progress import Progress

Indices = npt.NDArray[np.int64]


def run(context: Context, folder: Path) -> Outcome[DataFacts]:
    """Write the arrays of all splits into ``folder`` and return their description.

    Raises:
        ConfigError: the requested validation set is too large or too small.
        DataFileError: the files of the data set are damaged.
    """
    data, source = context.config.data, context.source
    if source.sampled:
        class_names = _write_sample(data, folder)
    else:
        with with_places(context.config):
            class_names = _write_full(data, source, folder, context.progress)
    shutil.rmtree(context.workspace.downloads(data.name), ignore_errors=True)
    description = data_set.Description(data.name, source.kind, class_names)
    data_set.write_description(folder, description)
    written = data_set.read_data(folder)
    facts = DataFacts(
        name=data.name,
        source=source.kind,
        origin=source.origin,
        class_names=class_names,
        image_shape=written.image_shape,
        train=len(written.train),
        validation=len(written.validation),
        test=len(written.test),
        sampled=source.sampled,
    )
    return Outcome(facts)


def _write_full(
    data: "Data", source: Source, folder: Path, progress: "Progress"
) -> tuple[str, ...]:
    root = tfds_root(data)
    if source.files is not None:
        scratch = folder / "scratch"
        tfds.prepare(data.name, root, source.files, scratch, progress)
        shutil.rmtree(scratch, ignore_errors=True)
    class_names = tfds.describe(data.name)[1]
    num_images = tfds.num_images(data.name, root, "train")
    _check_count(data.validation, num_images, len(class_names))
    pool = folder / "pool"
    pool.mkdir()
    for split in ("train", "test"):
        _write_tfds_split(data.name, root, split, pool, progress)
    images, labels = _open(pool, "train")
    train, validation = _set_aside(labels, data.validation, data.seed)
    data_set.write_split(folder, "train", images, labels, train)
    data_set.write_split(folder, "validation", images, labels, validation)
    for path in pool.glob("test_*"):
        path.rename(folder / path.name)
    shutil.rmtree(pool)
    return class_names


def _write_tfds_split(name: str, root: Path, split: str, pool: Path, progress: "Progress") -> None:
    total = tfds.num_images(name, root, split)
    shape = (total, *tfds.describe(name)[0])
    labels: list[npt.NDArray[np.int64]] = []
    with progress.task(f"reading {name} {split}", total=total) as task:

        def images() -> Any:
            for batch_images, batch_labels in tfds.read(name, root, split):
                labels.append(batch_labels)
                yield batch_images
                task.update(sum(map(len, labels)))

        data_set.write_array(pool / data_set.split_file(split, "images"), images(), shape, np.uint8)
    found = sum(map(len, labels))
    if found != total:
        raise DataFileError(
            f"The split {split} of {name} must have {total} images; got {found} in {root}. "
            "Remove the prepared data set, and run again."
        )
    data_set.write_array(pool / data_set.split_file(split, "labels"), labels, (total,), np.int64)


def _write_sample(data: "Data", folder: Path) -> tuple[str, ...]:
    images, labels = read_sample()
    rest, test = _set_aside(labels, NUM_TEST, TEST_SEED)
    share = round(len(rest) * data.validation / 60_000)  # the same share as in the full data set
    wanted = min(max(share, 10), len(rest) - 10)  # but every class on both sides
    inner_train, inner_validation = _set_aside(labels[rest], wanted, data.seed)
    data_set.write_split(folder, "train", images, labels, rest[inner_train])
    data_set.write_split(folder, "validation", images, labels, rest[inner_validation])
    data_set.write_split(folder, "test", images, labels, test)
    return tuple(str(digit) for digit in range(10))


def _open(folder: Path, split: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    images = np.load(folder / data_set.split_file(split, "images"), mmap_mode="r")
    return images, np.load(folder / data_set.split_file(split, "labels"))


def _set_aside(labels: npt.NDArray[np.int64], count: int, seed: int) -> tuple[Indices, Indices]:
    """Split the indices 0..n-1 into the rest and ``count``, stratified by class and sorted."""
    from sklearn.model_selection import train_test_split

    _check_count(count, len(labels), len(np.unique(labels)))
    indices = np.arange(len(labels))
    rest, aside = train_test_split(indices, test_size=count, stratify=labels, random_state=seed)
    return np.sort(rest), np.sort(aside)


def _check_count(count: int, num_images: int, num_classes: int) -> None:
    """Check that a split can leave every class on both sides."""
    if not num_classes <= count <= num_images - num_classes:
        raise InvalidValue(
            "data.validation",
            f"The validation set must have between {num_classes:,} and "
            f"{num_images - num_classes:,} of the {num_images:,} images; got {count:,}",
            "Both sides of the split need images of every class. Choose another number.",
        )
