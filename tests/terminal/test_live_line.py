"""The live line: what is done of what, images per second, time left, in fixed columns."""

import pytest

from pipeline.progress import IMAGES, MEGABYTES, Unit
from pipeline.terminal import work as timing
from pipeline.terminal.live_line import line_of
from pipeline.terminal.work import Work, duration


class Clock:
    """A clock that tests set."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timing, "time", clock)
    return clock


def training(clock: Clock) -> Work:
    """A training of 10 epochs of 55,000 images, of which 3 took 6 seconds."""
    work = Work("training", 10, Unit("epochs", images=55_000), started=clock.now)
    work.update(0)
    clock.now += 6
    work.update(3, "loss 0.0561  accuracy 0.9812")
    return work


def test_line_shows_count_speed_and_time_left(clock: Clock) -> None:
    work = training(clock)
    assert (work.count(), work.rate(), work.left()) == (
        "3/10 epochs",
        "27,500 images/s",
        "14 s left",
    )
    clock.now += 4  # without an update, the remaining time decreases
    assert work.left() == "10 s left"
    clock.now += 20  # longer than expected: nothing is known
    assert work.left() == ""


def test_resumed_work_is_measured_from_its_first_update(clock: Clock) -> None:
    work = Work("training", 10, Unit("epochs", images=1000), started=clock.now)
    clock.now += 1
    work.update(8)
    assert (work.rate(), work.left()) == ("", "")
    clock.now += 2
    work.update(9)
    assert (work.rate(), work.left()) == ("500 images/s", "2 s left")


def test_units() -> None:
    download = Work("downloading", 9.9, MEGABYTES)
    download.update(3.21)
    assert download.count() == "3.2/9.9 MB"
    images = Work("reading", 60_000, IMAGES)
    images.update(4_096)
    assert images.count() == "4,096/60,000 images"
    assert Work("compiling").count() == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (59, "59 s"), (59.5, "1 min"), (61, "2 min"), (3541, "1.0 h"), (5400, "1.5 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_columns_do_not_move(clock: Clock, width: int) -> None:
    work = Work("training", 10, Unit("epochs", images=55_000), started=clock.now)
    work.update(0)
    first = line_of(work, "train", width=width).plain
    clock.now += 6
    for completed, detail in ((3, ""), (4, "loss 0.0561"), (5, "loss 0.0561  accuracy 0.98")):
        work.update(completed, detail)
        line = line_of(work, "train", width=width).plain
        assert line.index("/10 epochs") == first.index("/10 epochs")
        assert len(line) <= width


def test_narrow_terminal_shows_whole_pieces_only(clock: Clock) -> None:
    work = training(clock)
    assert line_of(work, "train", width=40).plain.rstrip().endswith("14 s left     3/10 epochs")
    assert line_of(work, "train", width=60).plain.rstrip().endswith("epochs  loss 0.0561")
    wide = line_of(work, "train", width=200).plain
    assert wide.split("  ")[-3:] == [" 3/10 epochs", "loss 0.0561", "accuracy 0.9812"]


def test_names_of_two_columns_per_character_fit(clock: Clock) -> None:
    work = Work("数字" * 10, started=clock.now)
    work.update(0, "数字" * 5)
    for width in (40, 44, 80):
        line = line_of(work, "", width=width)
        assert line.cell_len <= max(width, 40)


def test_work_of_unknown_length_has_no_bar(clock: Clock) -> None:
    work = Work("compiling", started=clock.now)
    clock.now += 3
    assert line_of(work, "train", width=80).plain == "train      compiling  3 s"
