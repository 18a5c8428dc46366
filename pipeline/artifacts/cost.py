"""What a model costs in one runtime: time to open, time of an image, memory."""

from dataclasses import dataclass

SLOWER = 1.1  # times as long; less is within what two measurements of the same differ by


@dataclass(frozen=True)
class Time:
    """Seconds a call takes, divided by the images of it."""

    median_seconds: float
    p99_seconds: float
    calls: int = 0


@dataclass(frozen=True)
class Cost:
    """Opening the file, predicting one image and 256 (per image), and the peak of memory."""

    load_seconds: float
    time_per_image: dict[int, Time]  # by batch size
    peak_memory_bytes: int | None
