"""The stage ``data``: a source -> train, validation and test arrays."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.artifacts import data_set
from pipeline.artifacts.data_source import PICTURES, Source
from pipeline.artifacts.stage_facts import DataFacts, Resizing
from pipeline.config.key_errors import InvalidValue, with_places
from pipeline.config.target import target_text
from pipeline.data import tfds
from pipeline.data.duplicates import duplicates_text, find_duplicates
from pipeline.data.folder_splits import write_folder
from pipeline.data.sample import NUM_TEST, SAMPLE_SHAPE, TEST_SEED, read_sample
from pipeline.data.sources import SAMPLED_SET, tfds_root
from pipeline.data.splitting import (
    Indices,
    check_count,
    check_each_class,
    selected,
    set_aside,
)
from pipeline.data.targets import (
    LABEL,
    Labels,
    Target,
    configured_shape,
    describe,
    feature_of,
    target_of,
)
from pipeline.engine.context import Context
from pipeline.engine.stage import Outcome
from pipeline.errors import DataFileError
from pipeline.imaging.resizing import MODES, resized_arrays
from pipeline.progress import IMAGES

if TYPE_CHECKING:
    from pipeline.config.data_schema import Data
    from pipeline.progress import Progress

_TWO_CLASSES = 2


def run(context: Context, folder: Path) -> Outcome[DataFacts]:
    """Write the arrays of all splits into ``folder`` and return their description.

    Raises:
        ConfigError: the requested validation set is too large or too small, or the data set does
            not have the target.
        DataFileError: the files of the data set are damaged.
    """
    data, source, progress = context.config.data, context.source, context.progress
    names = None
    with with_places(context.config):
        if source.sampled:
            target = target_of(data, _sample_classes(data))
            _write_sample(data, target, folder)
        elif source.kind == PICTURES:
            target, names = write_folder(data, source, folder, progress)
        else:
            target = _write_full(data, source, folder, progress)
    shutil.rmtree(context.workspace.downloads(data.name), ignore_errors=True)
    description = data_set.Description(data.name, source.kind, target.class_names)
    data_set.write_description(folder, description)
    written = data_set.read_data(folder)
    with with_places(context.config):
        _check_classes(written)
    duplicates = find_duplicates(written, names)
    if duplicates:
        progress.notice(duplicates_text(duplicates, len(written.validation) + len(written.test)))
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
        content=source.content,
        preprocessing=_preprocessing(data, written.image_shape),
        duplicates=duplicates,
    )
    return Outcome(facts)


def _preprocessing(data: "Data", shape: tuple[int, int, int]) -> Resizing | None:
    """Return how further pictures become images of this set."""
    height, width, channels = shape
    is_mnist = data.name.partition(":")[0] == SAMPLED_SET and shape == SAMPLE_SHAPE
    if channels not in MODES or is_mnist:
        return None
    return Resizing("resize", (height, width), channels, data.fit)


def _write_full(data: "Data", source: Source, folder: Path, progress: "Progress") -> Target:
    root = tfds_root(data)
    if source.files is not None:
        scratch = folder / "scratch"
        tfds.prepare(data.name, root, source.files, scratch, progress)
        shutil.rmtree(scratch, ignore_errors=True)
    image_shape, target = describe(data)
    num_images = tfds.num_images(data.name, root, "train")
    check_count(data.validation, num_images, len(target.class_names))
    pool = folder / "pool"
    pool.mkdir()
    for split in ("train", "test"):
        _write_pool(data, root, split, image_shape, pool, progress)
    images, labels = _open(pool, "train")
    chosen = selected(target, labels)
    check_each_class(labels[chosen], data)
    train, validation = set_aside(chosen, labels, data.validation, data.seed)
    _write_split(folder, "train", images, labels, train, target)
    _write_split(folder, "validation", images, labels, validation, target)
    images, labels = _open(pool, "test")
    _write_split(folder, "test", images, labels, selected(target, labels), target)
    shutil.rmtree(pool)
    return target


def _write_pool(
    data: "Data",
    root: Path,
    split: str,
    image_shape: tuple[int, int, int],
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
                yield resized_arrays(batch_images, image_shape, data.fit)
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
    shape = configured_shape(data, SAMPLE_SHAPE)
    images = resized_arrays(images, shape, data.fit)
    rest, test = set_aside(np.arange(len(labels)), labels, NUM_TEST, TEST_SEED)
    # The same share as in the full data set, but every class on both sides.
    share = len(rest) * (12_000 if data.validation is None else data.validation) / 60_000
    wanted = min(max(round(share), 10), len(rest) - 10) if share else 0
    train, validation = set_aside(rest, labels, wanted, data.seed)
    for name, indices in (("train", train), ("validation", validation), ("test", test)):
        kept = indices[np.isin(indices, selected(target, labels))]
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


def _open(folder: Path, split: str) -> tuple[npt.NDArray[np.uint8], Labels]:
    images = np.load(folder / data_set.split_file(split, "images"), mmap_mode="r")
    return images, np.load(folder / data_set.split_file(split, "labels"))


def _check_classes(data: data_set.DataSet) -> None:
    """Check that the validation set, if there is one, has images of every class that is trained.

    Data sets may have classes without any image, such as 0 in emnist/letters. If there are only
    two classes, every set must have both.
    """
    found = {name: set(np.unique(getattr(data, name).labels)) for name in data_set.SPLITS}
    has_two = len(data.class_names) == _TWO_CLASSES
    needed = set(range(_TWO_CLASSES)) if has_two else found["train"]
    for name in data_set.SPLITS if has_two else ("validation",):
        if not len(getattr(data, name)):
            continue
        missing = needed - found[name] if data.class_names else ()
        if missing:
            raise InvalidValue(
                "data.validation" if name == "validation" else "data.target",
                f"The {name} set must have images of every class; got none of "
                f"{data.class_names[min(missing)]!r} among {len(getattr(data, name)):,}",
                "Choose a larger data.validation, or another data.target.",
            )
