"""The sources of a data set: prepared folder, manual folder, pinned address, mirrors, sample."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.artifacts.data_source import FULL, PICTURES, SAMPLE, Source
from pipeline.artifacts.stage_facts import DataFacts, Facts
from pipeline.config.data_schema import FOLDER
from pipeline.config.key_errors import InvalidValue, with_places
from pipeline.data.fetching import RemoteFile, fetch
from pipeline.data.folder_content import content_of
from pipeline.data.manual_files import checked_files
from pipeline.errors import ConfigError, DataUnreachable

if TYPE_CHECKING:
    from pipeline.config.data_schema import Data
    from pipeline.config.schema import Config
    from pipeline.progress import Progress

SAMPLED_SET = "mnist"
MANUAL_DIR_VARIABLE = "PIPELINE_MANUAL_DIR"


class DataSources:
    """The sources of the stage ``data``, as the runner needs them."""

    def find(
        self,
        config: "Config",
        find_cached: Callable[[Source], Facts | None],
        progress: "Progress",
        *,
        fresh: bool,
    ) -> Source | None:
        """Return a source that needs no network; the full data set precedes a cached sample.

        Raises:
            ConfigError: the folder does not exist, or the data set is unknown.
            DataFileError: a picture of a folder cannot be read.
        """
        with with_places(config):
            return self._find(config, find_cached, progress, fresh)

    def _find(
        self,
        config: "Config",
        find_cached: Callable[[Source], Facts | None],
        progress: "Progress",
        fresh: bool,
    ) -> Source | None:
        if config.data.name == FOLDER:
            return folder_source(config.data, progress)
        if config.data.manual_dir is not None:
            manual_folder(config.data)  # a wrong one is an error even if it is not needed
        full, sample = (Source(kind, "cached by an earlier run") for kind in (FULL, SAMPLE))
        if not fresh and find_cached(full) is not None:
            return full
        source = local_source(config.data, progress)
        if source is not None or fresh or config.data.offline == "fail":
            return source
        facts = find_cached(sample)
        return Source(SAMPLE, facts.origin) if isinstance(facts, DataFacts) else None

    def acquire(self, config: "Config", downloads: Path, progress: "Progress") -> Source:
        """Return a complete, verified source."""
        with with_places(config):
            return acquire(config.data, downloads, progress)

    def notice(self, source: Source) -> str | None:
        """Return a warning if the sample is used in place of the full data set."""
        if not source.sampled:
            return None
        return (
            "Using a SAMPLE of 5,000 MNIST digits instead of the full data set: "
            f"{source.origin} Expect a lower accuracy. For the full data set, set "
            "PIPELINE_MANUAL_DIR to a folder with its four files, or run again with --force data "
            "to retry the download."
        )


def folder_source(data: "Data", progress: "Progress") -> Source:
    """Return the folder with the user's own pictures as a source.

    Raises:
        ConfigError: it does not exist, or its pictures are not in class folders.
        DataFileError: a picture cannot be read.
    """
    content = content_of(data, progress)
    count = len(content.index.pictures)
    origin = f"{count:,} pictures in {content.index.root}"
    return Source(PICTURES, origin, content=content.sha256)


def local_source(data: "Data", progress: "Progress") -> Source | None:
    """Return the source that is available offline: pictures, a prepared folder or manual files.

    Raises:
        ConfigError: the folder does not exist.
    """
    if data.name == FOLDER:
        return folder_source(data, progress)
    prepared = prepared_folder(data)
    if prepared is not None:
        return Source(FULL, f"prepared by TensorFlow Datasets in {prepared}")
    manual = manual_folder(data)
    if manual is not None:
        return Source(FULL, f"files in {manual}", manual)
    return None


def acquire(data: "Data", downloads: Path, progress: "Progress") -> Source:
    """Return a complete, verified source, downloading its files if necessary.

    Raises:
        ConfigError: the data set is unknown or the manual folder does not exist.
        DataFileError: a file is truncated or altered.
        DataUnreachable: no host responds and the configuration forbids the sample.
    """
    source = local_source(data, progress)
    if source is None:
        return _fetch_or_sample(data, downloads, progress)
    if source.files is None:
        return source
    return replace(source, files=checked_files(data.name, source.files, pinned(data), downloads))


def prepared_folder(data: "Data") -> Path | None:
    """Return the folder of this data set prepared by TensorFlow Datasets, or None."""
    if not (tfds_root(data) / re.split("[/:]", data.name)[0]).is_dir():
        return None  # avoids importing TensorFlow Datasets
    from pipeline.data.tfds import prepared_folder

    return prepared_folder(data.name, tfds_root(data))


def tfds_root(data: "Data") -> Path:
    """Return the folder in which TensorFlow Datasets stores prepared data sets."""
    default = os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")
    return Path(data.tfds_dir or default).expanduser()


def manual_folder(data: "Data") -> Path | None:
    """Return the folder with manually provided files, by configuration or environment.

    Raises:
        ConfigError: the folder does not exist.
    """
    named = data.manual_dir or os.environ.get(MANUAL_DIR_VARIABLE)
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        advice = "Create it with the files of the data set, or remove the setting."
        if data.manual_dir:
            raise InvalidValue("data.manual_dir", f"The folder {folder} does not exist", advice)
        raise ConfigError(f"The folder {folder} ({MANUAL_DIR_VARIABLE}) does not exist. {advice}")
    return folder


def pinned(data: "Data") -> Mapping[str, RemoteFile]:
    """Return the files of the data set by name, as pinned by TensorFlow Datasets."""
    from pipeline.data.tfds import pinned_files

    return pinned_files(data.name)


def _fetch_or_sample(data: "Data", downloads: Path, progress: "Progress") -> Source:
    try:
        fetch(pinned(data), mirrors(data), downloads, progress)
    except DataUnreachable as error:
        if data.offline == "sample" and data.name.split(":")[0] == SAMPLED_SET:
            return Source(SAMPLE, str(error))
        raise DataUnreachable(
            f"The data set {data.name} is unavailable: {error} Prepare it with TensorFlow Datasets "
            f"in {tfds_root(data)}, or set data.manual_dir or {MANUAL_DIR_VARIABLE} to a folder "
            "with its files, or data.mirrors to a host that you can reach."
        ) from error
    return Source(FULL, "downloaded and checked", downloads)


_KNOWN_MIRRORS = {
    # The same four files under the same names; also used by torchvision.
    "mnist": ("https://ossci-datasets.s3.amazonaws.com/mnist/",),
}


def mirrors(data: "Data") -> tuple[str, ...]:
    """Return the addresses of folders with copies of the files."""
    if data.mirrors is not None:
        return tuple(map(str, data.mirrors))
    return _KNOWN_MIRRORS.get(data.name.split(":")[0], ())
