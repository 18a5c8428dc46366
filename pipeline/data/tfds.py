"""Data sets of TensorFlow Datasets: their pinned files, preparation and reading."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.config.key_errors import InvalidValue
from pipeline.config.target import PARITY, VALUES
from pipeline.data.fetching import RemoteFile
from pipeline.data.known_sets import known_set
from pipeline.errors import DataFileError, MissingExtra, did_you_mean, sentence
from pipeline.system.atomic import explain_storage_errors, sha256
from pipeline.system.tensorflow_import import tensorflow_import

if TYPE_CHECKING:
    from pipeline.progress import Progress

LABEL = "label"
_RAGGED_BATCH = 64  # images that differ in size, which may be large
Shape = tuple[int | None, int | None, int]
Images = npt.NDArray[np.uint8] | list[npt.NDArray[np.uint8]]
Batch = tuple[Images, npt.NDArray[Any]]


def pinned_files(name: str) -> dict[str, RemoteFile]:
    """Return the files of a data set by name, with their pinned addresses and SHA-256.

    Raises:
        InvalidValue: the data set is unknown, or not of images with labels.
    """
    infos = image_builder(name).url_infos
    return {
        info.filename: RemoteFile(address, int(info.size), info.checksum)
        for address, info in infos.items()
    }


def prepared_folder(name: str, root: Path) -> Path | None:
    """Return the folder of a data set that is prepared below ``root``, or None."""
    builder = image_builder(name, root)
    folder = Path(builder.data_dir)
    return folder if (folder / "dataset_info.json").is_file() else None


def describe(name: str, feature: str, root: Path) -> tuple[Shape, tuple[str, ...]]:
    """Return the shape of one image (height, width, channels), and the classes of a feature.

    Height and width are None if the images differ in size. A feature that is a number has no
    classes. A set prepared below ``root`` need not be one that TensorFlow Datasets knows.

    Raises:
        InvalidValue: the data set is unknown, not of images with labels, or does not
            have the feature.
    """
    features = image_builder(name, root).info.features
    height, width, channels = features["image"].shape
    shape, known = (height, width, channels), known_set(name)
    return known.image_shape(shape) if known else shape, _classes(name, features, feature)


def _classes(name: str, features: Any, wanted: str) -> tuple[str, ...]:
    known = _label_features(features)
    of_known = known_set(name)
    if of_known and wanted == LABEL:
        return of_known.class_names
    if wanted in known:
        return known[wanted]
    problem = "is not a class or a number" if wanted in features else "does not exist"
    raise InvalidValue(
        "data.target",
        f"The feature {wanted!r} of {name} {problem}",
        f"{did_you_mean(wanted, [*known, PARITY, *VALUES])}{name} has {', '.join(known)}; sets "
        "with a label also have {is: CLASS} and {pair: [CLASS, CLASS]}, those of digits also "
        f"{PARITY}, {' and '.join(VALUES)}.",
    )


def _label_features(features: Any) -> dict[str, tuple[str, ...]]:
    """Return the classes of each feature that is a class, true or false, or a number (no classes).

    A class without names or number of classes is not known in advance, and left out.
    """
    import tensorflow_datasets as tfds

    found: dict[str, tuple[str, ...]] = {}
    for key, feature in features.items():
        if isinstance(feature, tfds.features.ClassLabel):
            if feature.num_classes:
                found[key] = tuple(feature.names)
        elif isinstance(feature, tfds.features.Tensor) and feature.shape == ():
            if feature.np_dtype == np.bool_:
                found[key] = ("false", "true")
            elif np.issubdtype(feature.np_dtype, np.number):
                found[key] = ()
    return found


def prepare(name: str, root: Path, files: Path, scratch: Path, progress: "Progress") -> None:
    """Prepare a data set below ``root`` with TensorFlow Datasets, from checked files."""
    with tensorflow_import():
        import tensorflow  # noqa: F401, ICN001  (TensorFlow Datasets would import it)
    import tensorflow_datasets as tfds

    builder = _builder_for(image_builder(name, root), files)
    folder = Path(builder.data_dir)
    if folder.is_dir():  # TensorFlow Datasets would consider it prepared
        raise DataFileError(
            f"{folder} is not a prepared data set: it has no dataset_info.json. Remove the folder, "
            "and run again."
        )
    tfds.disable_progress_bar()  # its bars stay at zero here; the task below shows the time
    with (
        explain_storage_errors(root, setting="data.tfds_dir or TFDS_DATA_DIR"),
        progress.task(f"preparing {name} with TensorFlow Datasets"),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        try:
            builder.download_and_prepare(
                download_dir=scratch,
                download_config=tfds.download.DownloadConfig(manual_dir=files),
            )
        except FileExistsError:
            if prepared_folder(name, root) is None:  # else another process was faster
                raise


def _builder_for(builder: Any, files: Path) -> Any:
    """Return a builder that accepts these files, which may be compressed in another way."""
    from tensorflow_datasets.core.download.checksums import UrlInfo

    infos = {
        address: UrlInfo((path := files / info.filename).stat().st_size, sha256(path), path.name)
        for address, info in builder.url_infos.items()
        if (files / info.filename).is_file()
    }
    if infos.items() <= builder.url_infos.items():
        return builder
    kind = type(builder)

    class Repacked(kind, skip_registration=True):  # type: ignore[misc,valid-type,call-arg]
        name, url_infos = kind.name, {**kind.url_infos, **infos}

    return Repacked(data_dir=builder.data_dir_root, config=builder.builder_config)


def num_images(name: str, root: Path, split: str) -> int:
    """Return the number of images in a split of a prepared data set.

    Raises:
        InvalidValue: the data set has no such split.
    """
    splits = image_builder(name, root).info.splits
    if split not in splits:
        raise InvalidValue(
            "data.name",
            f"The data set must have the splits train and test; got {name!r}, which has "
            f"{', '.join(splits)}",
            "Choose another, for example mnist.",
        )
    return int(splits[split].num_examples)


def read(
    name: str, root: Path, split: str, *, feature: str = LABEL, batch_size: int = 4096
) -> Iterator[Batch]:
    """Yield upright images, uint8 (n, height, width, channels), and a feature (n,), in fixed order.

    Images that differ in size are a list. The feature is int64 if it has classes, else float32.

    Raises:
        DataFileError: the prepared files are truncated or altered.
        InvalidValue: an image has no class, or its number is not finite.
    """
    with tensorflow_import():
        import tensorflow as tf
    import tensorflow_datasets as tfds

    builder, known = image_builder(name, root), known_set(name)
    order = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    num_classes = len(_classes(name, builder.info.features, feature))
    dtype = np.int64 if num_classes else np.float32
    ragged = None in builder.info.features["image"].shape
    examples = builder.as_dataset(split=split, read_config=order)
    batches = examples.ragged_batch(_RAGGED_BATCH) if ragged else examples.batch(batch_size)
    try:
        for batch in batches:
            images: Images = (
                [image.to_tensor().numpy() for image in batch["image"]]
                if ragged
                else batch["image"].numpy()
            )
            labels = batch[feature].numpy().astype(dtype)
            if known is not None and not isinstance(images, list):
                images = known.images(images)
                labels = known.labels(labels) if feature == LABEL else labels
            _require_labels(labels, num_classes, f"The split {split} of {name}")
            yield images, labels
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError, tf.errors.NotFoundError) as e:
        raise DataFileError(
            f"The prepared files in {builder.data_dir} are damaged: {e.message[:200]}. Remove the "
            "folder, and run again to prepare the data set."
        ) from e


def _require_labels(labels: npt.NDArray[Any], num_classes: int, where: str) -> None:
    """Check that every label is a class, or a finite number; TFDS writes -1 for none."""
    known = (labels >= 0) & (labels < num_classes) if num_classes else np.isfinite(labels)
    if not known.all():
        expected = f"a class from 0 to {num_classes - 1}" if num_classes else "a finite number"
        raise InvalidValue(
            "data.target",
            f"{where} must have {expected} for every image; got {labels[~known][0]}",
            "Choose another target or data set.",
        )


def image_builder(name: str, root: Path | None = None) -> Any:
    """Return the TensorFlow Datasets builder of an image-classification set.

    Raises:
        InvalidValue: the data set is unknown, or not of images with labels.
        MissingExtra: TensorFlow Datasets is not installed.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise MissingExtra("Reading a data set", "train") from error
    try:
        builder = tfds.builder(name, data_dir=root)
    except tfds.core.registered.DatasetNotFoundError as error:
        known = tfds.list_builders(with_community_datasets=False)
        raise InvalidValue(
            "data.name",
            f"Unknown data set {name!r}",
            f"{did_you_mean(name, known)}See the catalog of TensorFlow Datasets for all names, "
            f"prepare your own set below {root or 'data.tfds_dir'}, or write folder for pictures "
            "in class folders.",
        ) from error
    except Exception as error:
        raise InvalidValue(
            "data.name",
            f"TensorFlow Datasets cannot open the data set {name!r}",
            f"{type(error).__name__}: {sentence(error)} Check the name and the version; if the "
            f"data set's folder in {root or 'the data folder'} is damaged, remove it.",
        ) from error
    _require_images(name, builder.info.features, tfds)
    return builder


def _require_images(name: str, features: Any, tfds: Any) -> None:
    named = dict(features.items()) if isinstance(features, tfds.features.FeaturesDict) else {}
    image = named.get("image")
    fits = (
        isinstance(image, tfds.features.Image)
        and image.np_dtype == np.uint8
        and image.shape[-1] is not None
        and _label_features(named)
    )
    if not fits:
        raise InvalidValue(
            "data.name",
            "The data set must have uint8 images, each with a class or a number; got "
            f"{name!r}, which has the features {', '.join(named)}",
            "Choose another, for example mnist.",
        )
