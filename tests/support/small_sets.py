"""Small data sets of TensorFlow Datasets, written to disk without a download."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Row = Callable[[int], dict[str, Any]]


def prepare_small_set(
    root: Path,
    name: str,
    features: Mapping[str, Any],
    row: Row,
    *,
    train: int,
    test: int,
    ragged: bool = False,
) -> None:
    """Write a set ``name`` of 8 x 6 images below ``root``; ``row`` returns the other features.

    The pixels of each image are its index in its split. With ``ragged``, every other image has 12
    x 20 pixels in color. The set is read back from its files, since its builder is not registered.
    """
    import tensorflow_datasets as tfds

    image = tfds.features.Image(shape=(None, None, 3) if ragged else (8, 6, 1))

    def rows(count: int) -> Iterator[tuple[int, dict[str, Any]]]:
        for index in range(count):
            shape = ((8, 6, 3), (12, 20, 3))[index % 2] if ragged else (8, 6, 1)
            yield index, {"image": np.full(shape, index % 256, np.uint8), **row(index)}

    class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[misc,call-arg]
        VERSION = tfds.core.Version("1.0.0")

        def _info(self) -> Any:
            described = tfds.features.FeaturesDict({"image": image, **features})
            return tfds.core.DatasetInfo(builder=self, features=described)

        def _split_generators(self, _: Any) -> Any:
            return {"train": rows(train), "test": rows(test)}

        def _generate_examples(self) -> Any:
            raise NotImplementedError

    Builder.name = name
    tfds.disable_progress_bar()
    Builder(data_dir=root).download_and_prepare()


def prepare_small_known_set(root: Path, name: str, row: Row, *, train: int, test: int) -> None:
    """Write a set that TensorFlow Datasets knows, such as emnist/letters, with a few own rows.

    Its features and its version are the real ones, so its own builder reads the files.
    """
    import tensorflow_datasets as tfds

    known, _, variant = name.partition("/")

    def rows(count: int) -> Iterator[tuple[int, dict[str, Any]]]:
        return ((index, row(index)) for index in range(count))

    class Builder(tfds.builder_cls(known), skip_registration=True):  # type: ignore[misc,call-arg]
        def _split_generators(self, _: Any) -> Any:
            return {"train": rows(train), "test": rows(test)}

        def _generate_examples(self) -> Any:
            raise NotImplementedError

    Builder.name = known
    tfds.disable_progress_bar()
    Builder(data_dir=root, **({"config": variant} if variant else {})).download_and_prepare()
