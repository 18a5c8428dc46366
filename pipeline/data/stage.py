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
from pipeline.config.target import target_text
from pipeline.data import tfds
from pipeline.data.sample import NUM_TEST, TEST_SEED, read_sample
from pipeline.data.sources import tfds_root
from pipeline.data.targets import LABEL, Labels, Target, describe, feature_of, target_of
from pipeline.engine.context import Context
from pipeline.engine.stage import Outcome
from pipeline.errors import DataFileError
from pipeline.progress import IMAGES

if TYPE_CHECKING:
    from pipeline.config.schema import Data
    from pipeline.progress import Progress

Indices = npt.NDArray[np.int64]
_TWO_CLASSES = 2


def run(context: Context, folder: Path) -> Outcome[DataFacts]:
    """Write the arrays of all splits into ``folder`` and return their description.

    Raises:
        ConfigError: the requested validation set is too large or too small, or the data set does
            not have the target.
        DataFileError: the files of the data set are damaged.
    """
    data, source = context.config.data, context.source
    with with_places(context.config):
        if source.sampled:
            target = target_of(data, _sample_classes(data))
            _write_sample(data, target, folder)
        else:
            target = _write_full(data, source, folder, context.progress)
    shutil.rmtree(context.workspace.downloads(data.name), ignore_errors=True)
    description = data_set.Description(data.name, source.kind, target.class_names)
    data_set.write_description(folder, description)
    written = data_set.read_data(folder)
    with with_places(context.config):
        _check_classes(written)
    facts = DataFacts(
        name=data.name,
        source=source.kind,
        origin=source.origin,
        target=target_text(data.target),
        class_names=target.class_names,
        image_shape=written.image_shape,
        train=len(written.train),
        validation=len(written.validation),
        test=len(written.test),
        sampled=source.sampled,
    )
    return Outcome(facts)


def _write_full(data: "Data", source: Source, folder: Path, progress: "Progress") -> Target:
    root = tfds_root(data)
    if source.files is not None:
        scratch = folder / "scratch"
        tfds.prepare(data.name, root, source.files, scratch, progress)
        shutil.rmtree(scratch, ignore_errors=True)
    image_shape, target = describe(data)
    num_images = tfds.num_images(data.name, root, "train")
    _check_count(data.validation, num_images, len(target.class_names))
    pool = folder / "pool"
    pool.mkdir()
    for split in ("train", "test"):
        _write_pool(data, root, split, image_shape, pool, progress)
    images, labels = _open(pool, "train")
    selected = _selected(target, labels)
    _check_each_class(labels[selected], data)
    train, validation = _set_aside(selected, labels, data.validation, data.seed)
    _write_split(folder, "train", images, labels, train, target)
    _write_split(folder, "validation", images, labels, validation, target)
    images, labels = _open(pool, "test")
    _write_split(folder, "test", images, labels, _selected(target, labels), target)
    shutil.rmtree(pool)
    return target


def _write_pool(
    data: "Data",
    root: Path,
    split: str,
    image_shape: tuple[int, ...],
    pool: Path,
    progress: "Progress",
) -> None:
    """Write all images and labels of a split of the data set into ``pool``."""
    name, feature = data.name, feature_of(data)
    total = tfds.num_images(name, root, split)
    labels: list[Labels] = []
    with progress.task(f"reading {name} {split}", total=total, unit=IMAGES) as task:

        def images() -> Any:
            for batch_images, batch_labels in tfds.read(name, root, split, feature=feature):
                labels.append(batch_labels)
                yield batch_images
                task.update(sum(map(len, labels)))

        shape = (total, *image_shape)
        data_set.write_array(pool / data_set.split_file(split, "images"), images(), shape, np.uint8)
    found = sum(map(len, labels))
    if found != total:
        raise DataFileError(
            f"The split {split} of {name} must have {total} images; got {found} in {root}. "
            "Remove the prepared data set, and run again."
        )
    dtype = labels[0].dtype.type if labels else np.int64
    data_set.write_array(pool / data_set.split_file(split, "labels"), labels, (total,), dtype)


def _write_sample(data: "Data", target: Target, folder: Path) -> None:
    images, labels = read_sample()
    rest, test = _set_aside(np.arange(len(labels)), labels, NUM_TEST, TEST_SEED)
    share = round(len(rest) * data.validation / 60_000)  # the same share as in the full data set
    wanted = min(max(share, 10), len(rest) - 10)  # but every class on both sides
    train, validation = _set_aside(rest, labels, wanted, data.seed)
    for name, indices in (("train", train), ("validation", validation), ("test", test)):
        kept = indices[np.isin(indices, _selected(target, labels))]
        _write_split(folder, name, images, labels, kept, target)


def _sample_classes(data: "Data") -> tuple[str, ...]:
    """Return the classes of the sample, which has no other feature than the label."""
    if feature_of(data) != LABEL:
        return describe(data)[1].class_names  # raises, since MNIST has no other feature either
    return tuple(str(digit) for digit in range(10))


def _write_split(
    folder: Path,
    name: str,
    images: npt.NDArray[np.uint8],
    labels: Labels,
    indices: Indices,
    target: Target,
) -> None:
    data_set.write_images(folder, name, images, indices)
    data_set.write_labels(folder, name, target.convert(labels[indices]))


def _selected(target: Target, labels: Labels) -> Indices:
    """Return the indices of the images that take part."""
    return np.arange(len(labels)) if target.select is None else target.select(labels).nonzero()[0]


def _open(folder: Path, split: str) -> tuple[npt.NDArray[np.uint8], Labels]:
    images = np.load(folder / data_set.split_file(split, "images"), mmap_mode="r")
    return images, np.load(folder / data_set.split_file(split, "labels"))


def _set_aside(indices: Indices, labels: Labels, count: int, seed: int) -> tuple[Indices, Indices]:
    """Split sorted indices into the rest and ``count``, stratified by class if there are any."""
    from sklearn.model_selection import train_test_split

    classes = labels[indices] if labels.dtype == np.int64 else None
    num_classes = 1 if classes is None else len(np.unique(classes))
    _check_count(count, len(indices), num_classes)
    rest, aside = train_test_split(indices, test_size=count, stratify=classes, random_state=seed)
    return np.sort(rest), np.sort(aside)


def _check_count(count: int, num_images: int, num_classes: int) -> None:
    """Check that a split can leave every class on both sides."""
    least = max(num_classes, 1)
    if not least <= count <= num_images - least:
        raise InvalidValue(
            "data.validation",
            f"The validation set must have between {least:,} and "
            f"{num_images - least:,} of the {num_images:,} images; got {count:,}",
            "Both sides of the split need images of every class. Choose another number.",
        )


def _check_each_class(labels: Labels, data: "Data") -> None:
    """Check that no class has a single image, which cannot be on both sides of the split."""
    if labels.dtype != np.int64:
        return
    classes, counts = np.unique(labels, return_counts=True)
    if (counts == 1).any():
        raise InvalidValue(
            "data.target",
            f"Every class of {data.name} must have at least 2 training images, one of them to "
            f"validate with; got 1 of class {classes[counts == 1][0]}",
            "Choose another target or data set.",
        )


def _check_classes(data: data_set.DataSet) -> None:
    """Check that the validation set has images of every class that is trained.

    Data sets may have classes without any image, such as 0 in emnist/letters. If there are only
    two classes, every set must have both.
    """
    found = {name: set(np.unique(getattr(data, name).labels)) for name in data_set.SPLITS}
    has_two = len(data.class_names) == _TWO_CLASSES
    needed = set(range(_TWO_CLASSES)) if has_two else found["train"]
    for name in data_set.SPLITS if has_two else ("validation",):
        missing = needed - found[name] if data.class_names else ()
        if missing:
            raise InvalidValue(
                "data.validation" if name == "validation" else "data.target",
                f"The {name} set must have images of every class; got none of "
                f"{data.class_names[min(missing)]!r} among {len(getattr(data, name)):,}",
                "Choose a larger data.validation, or another data.target.",
            )
