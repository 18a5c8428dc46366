"""Where a data set comes from: prepared folder, manual folder, pinned address, mirrors, sample."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.artifacts.data_source import FULL, SAMPLE, Source
from pipeline.artifacts.stage_facts import DataFacts, Facts
from pipeline.data.fetching import RemoteFile, fetch
from pipeline.errors import ConfigError, DataFileError, DataUnreachable
from pipeline.system.atomic import sha256

if TYPE_CHECKING:
    from pipeline.config.schema import Config, Data
    from pipeline.progress import Progress

SAMPLED_SET = "mnist"
MANUAL_DIR_VARIABLE = "PIPELINE_MANUAL_DIR"


class DataSources:
    """Where the data of the stage ``data`` may come from, as the runner asks."""

    def find(
        self, config: "Config", kept: Callable[[Source], Facts | None], *, fresh: bool
    ) -> Source | None:
        """Return the source that needs no network; the full data set goes before a kept sample."""
        full, sample = (Source(kind, "kept from an earlier run") for kind in (FULL, SAMPLE))
        if not fresh and kept(full) is not None:
            return full
        source = local_source(config.data)
        if source is not None or fresh or config.data.offline == "fail":
            return source
        facts = kept(sample)
        return Source(SAMPLE, facts.origin) if isinstance(facts, DataFacts) else None

    def acquire(self, config: "Config", downloads: Path, progress: "Progress") -> Source:
        """Return a source that is complete and checked."""
        return acquire(config.data, downloads, progress)

    def notice(self, source: Source) -> str | None:
        """Return a warning if the sample is used in place of the full data set."""
        if not source.sampled:
            return None
        return (
            "The full MNIST cannot be reached, so this run uses a SAMPLE of 5,000 of its digits: "
            f"{source.origin} Expect a lower accuracy. For the full set, name a folder with its "
            "four files in PIPELINE_MANUAL_DIR; to try the network again: --force data."
        )


def local_source(data: "Data") -> Source | None:
    """Return the source that is there without the network: a prepared folder or manual files.

    Raises:
        ConfigError: the manual folder does not exist.
    """
    prepared = prepared_folder(data)
    if prepared is not None:
        return Source(FULL, f"prepared by TensorFlow Datasets in {prepared}")
    manual = manual_folder(data)
    if manual is not None:
        return Source(FULL, f"files in {manual}", manual)
    return None


def acquire(data: "Data", downloads: Path, progress: "Progress") -> Source:
    """Return a source that is complete and checked, fetching its files where that is needed.

    Raises:
        ConfigError: the data set is unknown or the manual folder does not exist.
        DataFileError: a file is cut short or altered.
        DataUnreachable: no host answers and the configuration forbids the sample.
    """
    source = local_source(data)
    if source is None:
        return _fetch_or_sample(data, downloads, progress)
    if source.files is not None:
        _check_manual(source.files, pinned(data))
    return source


def prepared_folder(data: "Data") -> Path | None:
    """Return the folder of this set that TensorFlow Datasets has prepared, or None."""
    if not (tfds_root(data) / re.split("[/:]", data.name)[0]).is_dir():
        return None  # spares the import of TensorFlow Datasets
    from pipeline.data.tfds import prepared_folder

    return prepared_folder(data.name, tfds_root(data))


def tfds_root(data: "Data") -> Path:
    """Return where TensorFlow Datasets keeps prepared sets."""
    default = os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")
    return Path(data.tfds_dir or default).expanduser()


def manual_folder(data: "Data") -> Path | None:
    """Return the folder with files by hand, from the configuration or the environment.

    Raises:
        ConfigError: the folder does not exist.
    """
    named = data.manual_dir or os.environ.get(MANUAL_DIR_VARIABLE)
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        where = "data.manual_dir" if data.manual_dir else f"the variable {MANUAL_DIR_VARIABLE}"
        raise ConfigError(
            f"The manual folder must exist; got {folder} in {where}. "
            "Create it, put the files of the data set in it, or remove the setting."
        )
    return folder


def pinned(data: "Data") -> Mapping[str, RemoteFile]:
    """Return the files of the set by name, as TensorFlow Datasets pins them."""
    from pipeline.data.tfds import pinned_files

    return pinned_files(data.name)


def _check_manual(folder: Path, files: Mapping[str, RemoteFile]) -> None:
    for name, file in files.items():
        path = folder / name
        if not path.is_file():
            raise DataFileError(
                f"The manual folder must hold {', '.join(files)}; got no {name} in {folder}. "
                f"Copy it there (from {file.address}) and run again."
            )
        found = sha256(path)
        if found != file.sha256:
            raise DataFileError(
                f"{path} must have SHA-256 {file.sha256} ({file.bytes:,} bytes); got {found} "
                f"({path.stat().st_size:,} bytes): it is cut short, altered or another file. "
                "It is left where it is, since it is yours: replace it with the original "
                f"(from {file.address}) and run again."
            )


def _fetch_or_sample(data: "Data", downloads: Path, progress: "Progress") -> Source:
    try:
        fetch(pinned(data), mirrors(data), downloads, progress)
    except DataUnreachable as error:
        if data.offline == "sample" and data.name.split(":")[0] == SAMPLED_SET:
            return Source(SAMPLE, str(error))
        raise DataUnreachable(
            f"The data set {data.name} must come from somewhere; {error} Three ways to get it: "
            f"prepare it with TensorFlow Datasets in {tfds_root(data)}; put its files in a folder "
            f"and name that in data.manual_dir or {MANUAL_DIR_VARIABLE}; or name a host that you "
            "can reach in data.mirrors."
        ) from error
    return Source(FULL, "downloaded and checked", downloads)


_KNOWN_MIRRORS = {
    # The same four files under the same names; torchvision's mirror too.
    "mnist": ("https://ossci-datasets.s3.amazonaws.com/mnist/",),
}


def mirrors(data: "Data") -> tuple[str, ...]:
    """Return the addresses of the folders with the same files."""
    if data.mirrors is not None:
        return tuple(map(str, data.mirrors))
    return _KNOWN_MIRRORS.get(data.name.split(":")[0], ())
