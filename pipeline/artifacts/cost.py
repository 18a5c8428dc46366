"""The cost of a model in one runtime: load time, time per image, memory."""

from dataclasses import dataclass

SLOWER = 1.1  # times as long; smaller differences are within the noise of measurement


@dataclass(frozen=True)
class Time:
    """Seconds per call, divided by the number of images in it."""

    median_seconds: float
    p99_seconds: float
    calls: int = 0


@dataclass(frozen=True)
class Cost:
    """Time to load the file, time per image in batches of 1 and 256, and peak memory."""

    load_seconds: float
    time_per_image: dict[int, Time]  # by batch size
    peak_memory_bytes: int | None
