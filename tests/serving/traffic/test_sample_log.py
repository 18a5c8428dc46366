"""The sample log: rows, files, the cap, failing disks, and writers that are killed."""

import hashlib
import logging
import os
import resource
import stat
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import MissingExtra, RequestError, StorageError
from pipeline.serving import metrics
from pipeline.serving.settings import Limits
from pipeline.serving.traffic import sample_log
from pipeline.serving.traffic.choice import Chosen
from pipeline.serving.traffic.options import SampleLog
from pipeline.serving.traffic.sample_files import PATTERN, add_file, prepare_folder
from pipeline.serving.traffic.sample_log import SampleWriter
from pipeline.serving.versions import Version, open_version
from pipeline.system.atomic import locked
from tests.serving.traffic.test_choice import Call
from tests.support.paths import PROJECT
from tests.support.processes import wait_until

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), np.uint8)
CALL = Call(Chosen("split", "canary", False), "request-1", "0af7651916cd43dd8448eb211c80319c")
BODY_BYTES = 16 * 2**20


@pytest.fixture(scope="module")
def version(smoke: Path) -> Version:
    return open_version(smoke / "exported" / "smoke" / "1", "smoke", Limits())


@pytest.fixture
def log(tmp_path: Path) -> SampleLog:
    found = SampleLog(tmp_path / "samples", rate=1, seconds=60)
    prepare_folder(found)
    return found


class Since:
    """How many images were written and dropped since the start of the test."""

    def __init__(self) -> None:
        self._before = counts()

    def now(self) -> dict[str, float]:
        found = {key: value - self._before.get(key, 0) for key, value in counts().items()}
        return {key: value for key, value in found.items() if value}

    def is_at(self, expected: dict[str, float]) -> bool:
        return self.now() == expected


@pytest.fixture
def images_since() -> Since:
    return Since()


def counts() -> dict[str, float]:
    return {
        sample.labels["outcome"]: sample.value
        for sample in metrics.samples()
        if sample.name == "pipeline_sampled_images_total"
    }


def is_failing() -> bool:
    [value] = [s.value for s in metrics.samples() if s.name == "pipeline_sample_log_failing"]
    return bool(value)


def record(log: SampleLog, version: Version, *requests: Any, call: Call = CALL) -> None:
    """Record requests with these images, and write them."""
    writer = SampleWriter(log, BODY_BYTES)
    for images in requests or [IMAGES]:
        writer.sample(call, version, images, version.predictor.predict(images))
    writer.close()


def rows(log: SampleLog) -> list[dict[str, Any]]:
    tables = [pq.read_table(path) for path in sorted(log.folder.glob(PATTERN))]
    found: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist()
    return found


def test_rows_describe_what_was_answered(log: SampleLog, version: Version) -> None:
    record(log, version)
    predictions = version.predictor.predict(IMAGES)
    found = rows(log)
    for index, row in enumerate(found):
        assert row["probabilities"] == predictions[index].tolist()
        assert row["class_index"] == predictions[index].argmax()
        assert row["class_name"] == version.class_names[row["class_index"]]
        assert row["confidence"] == predictions[index].max()
        assert row["mean_intensity"] == pytest.approx(IMAGES[index].mean() / 255, rel=1e-6)
        assert row["input_sha256"] == hashlib.sha256(IMAGES[index].tobytes()).hexdigest()
        assert row["time"].utcoffset().total_seconds() == 0
    shown = [version.task.describe(each, version.class_names) for each in predictions]
    doubts = version.doubts.reasons(IMAGES, predictions, shown)
    assert [row["unsure"] for row in found] == [doubt is not None for doubt in doubts]
    same = {"request_id": "request-1", "trace_id": CALL.trace_id, "model": "smoke", "version": 1}
    same |= {"chosen_by": "split", "label": "canary", "value": None}
    assert [{key: row[key] for key in same} for row in found] == [same] * 3
    assert [row["image_index"] for row in found] == [0, 1, 2]
    assert "image" not in found[0]


def test_files_are_private(log: SampleLog, version: Version) -> None:
    old = os.umask(0)
    try:
        record(log, version)
    finally:
        os.umask(old)
    [path] = log.folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.folder.stat().st_mode) == 0o700


def test_images_are_recorded_only_if_asked(log: SampleLog, version: Version) -> None:
    record(replace(log, images=True), version)
    found = rows(log)
    assert [row["shape"] for row in found] == [[28, 28, 1]] * 3
    images = [np.frombuffer(row["image"], np.uint8).reshape(row["shape"]) for row in found]
    np.testing.assert_array_equal(np.stack(images), IMAGES)


def test_values_have_no_probabilities(
    log: SampleLog, single_output: Path, images_since: Since
) -> None:
    for name in ("parity", "digit_value"):
        folder = single_output / "exported" / name / "1"
        record(log, open_version(folder, name, Limits()), IMAGES[:1])
    binary, value = sorted(rows(log), key=lambda row: row["model"], reverse=True)
    assert sum(binary["probabilities"]) == pytest.approx(1)
    assert len(binary["probabilities"]) == 2
    assert (binary["value"], value["probabilities"], value["class_index"]) == (None, None, None)
    assert value["value"] is not None
    assert (value["confidence"], value["unsure"]) == (None, False)
    assert images_since.now() == {"written": 2}


def test_rate_is_the_fraction_of_requests(log: SampleLog, version: Version) -> None:
    requests, rate = 900, 0.25
    record(replace(log, rate=rate), version, *[IMAGES[:1]] * requests)
    six_sigma = 6 * (requests * rate * (1 - rate)) ** 0.5
    assert abs(len(rows(log)) - requests * rate) < six_sigma


def test_many_rows_are_written_before_the_time_is_up(
    log: SampleLog, version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_log, "_MAX_ROWS", 4)
    record(log, version, *[IMAGES] * 3)
    sizes = [pq.read_metadata(path).num_rows for path in sorted(log.folder.iterdir())]
    assert sizes == [4, 4, 1]


def test_what_does_not_fit_the_queue_is_dropped(
    log: SampleLog, version: Version, images_since: Since
) -> None:
    predictions = version.predictor.predict(IMAGES)
    with locked(log.folder):  # the thread cannot write
        writer = SampleWriter(replace(log, seconds=0), IMAGES.nbytes)
        for _ in range(100):
            writer.sample(CALL, version, IMAGES, predictions)
        assert images_since.now()["dropped"] >= 3
    writer.close()
    assert sum(images_since.now().values()) == 300
    assert len(rows(log)) == images_since.now()["written"]


def test_oldest_files_are_removed(log: SampleLog) -> None:
    limited = replace(log, max_bytes=1000)
    for content in (b"a" * 400, b"b" * 400, b"c" * 300):
        assert add_file(limited, content)
    left = [path.read_bytes() for path in sorted(log.folder.glob(PATTERN))]
    assert left == [b"b" * 400, b"c" * 300]
    (log.folder / "notes.txt").write_bytes(b"x" * 5000)  # of somebody else
    assert not add_file(limited, b"d" * 1001)
    assert add_file(limited, b"e" * 1000)
    assert [path.read_bytes() for path in log.folder.glob(PATTERN)] == [b"e" * 1000]
    assert (log.folder / "notes.txt").exists()


def test_cap_holds_for_recorded_images(
    log: SampleLog, version: Version, images_since: Since
) -> None:
    limited, images = replace(log, images=True, max_bytes=2**18), noise(1500)
    record(limited, version, *np.split(images, 100))
    sizes = [path.stat().st_size for path in log.folder.iterdir()]
    assert 0 < sum(sizes) <= 2**18
    kept = rows(log)
    assert kept[-1]["image"] == images[-1].tobytes()
    assert images_since.now() == {"written": 1500}


def noise(count: int) -> Any:
    return np.random.default_rng(1).integers(0, 256, (count, 28, 28, 1), np.uint8)


def test_full_disk_is_logged_once_and_ends_by_itself(
    log: SampleLog, version: Version, caplog: pytest.LogCaptureFixture, images_since: Since
) -> None:
    """A limit of ten bytes for each file has the same effect as a full disk."""
    writer = SampleWriter(replace(log, seconds=0), BODY_BYTES)
    predictions = version.predictor.predict(IMAGES)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, old[1]))
    try:
        with caplog.at_level(logging.INFO, "pipeline.serving"):
            for dropped in (3, 6, 9):
                writer.sample(CALL, version, IMAGES, predictions)
                wait_until(partial(images_since.is_at, {"dropped": dropped}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert is_failing()
    assert list(log.folder.iterdir()) == []
    [line] = [entry.message for entry in caplog.records]
    assert line.startswith("--sample-log: cannot write samples: Cannot read or write")
    assert "would exceed the system's size limit" in line
    with caplog.at_level(logging.INFO, "pipeline.serving"):
        writer.sample(CALL, version, IMAGES, predictions)
        writer.close()
    assert not is_failing()
    assert len(rows(log)) == 3
    assert caplog.records[-1].message == "--sample-log: writing samples works again"


KILLED_BEFORE_RENAMING = """
import os, signal, sys
from pathlib import Path
from pipeline.serving.traffic.options import SampleLog
from pipeline.serving.traffic.sample_files import add_file

log = SampleLog(Path(sys.argv[1]))
add_file(log, b"complete")
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
add_file(log, b"half" * 100_000)
"""


@pytest.mark.process
def test_killed_writer_leaves_no_half_written_file(log: SampleLog) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED_BEFORE_RENAMING, log.folder], cwd=PROJECT, check=False
    )
    assert done.returncode == -9
    [whole] = log.folder.glob(PATTERN)
    assert whole.read_bytes() == b"complete"
    [half] = set(log.folder.iterdir()) - {whole}
    assert half.name.startswith(".tmp-")
    prepare_folder(log)  # as the next server does
    assert list(log.folder.iterdir()) == [whole]


def test_mistakes_are_explained_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(RequestError) as caught:
        prepare_folder(SampleLog(file))
    assert str(caught.value) == f"--sample-log must be a folder; got the file {file}."
    with pytest.raises(StorageError) as unwritable:
        prepare_folder(SampleLog(file / "folder"))
    assert str(unwritable.value) == (
        "--sample-log must be a folder in which files can be written; got "
        f"{file / 'folder'}: Not a directory. Choose another folder."
    )
    for folder in filter(Path.exists, map(Path, ("/sys", "/proc"))):  # no file can be written there
        with pytest.raises(StorageError) as unwritable:
            prepare_folder(SampleLog(folder))
        start = f"--sample-log must be a folder in which files can be written; got {folder}: "
        assert str(unwritable.value).startswith(start)
        assert "probe" not in str(unwritable.value)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtra) as missing:
        prepare_folder(SampleLog(tmp_path))
    assert str(missing.value) == (
        "--sample-log requires packages that are not installed. To install them: pip install "
        "'dense-pipeline[studies]' (in a clone: make studies)"
    )
