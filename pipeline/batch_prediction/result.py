"""The result of a prediction of many images."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.batch_prediction.joining import BadImage


@dataclass(frozen=True)
class BatchPrediction:
    """What was predicted: ``output`` has a row for each of ``images``, in the order of the input.

    ``bad`` of them could not be read, ``first_bad`` are the first few; ``unsure`` answers are in
    doubt. ``resumed`` is the number of images whose answers an interrupted command had left.
    ``seconds`` is the time for all others, from the first to the last, ``join_seconds`` that for
    the joining of the parts. ``cpu_seconds`` is the processor time of each worker process, and
    ``peak_bytes`` the peak memory of the largest, None if unknown.
    """

    output: Path
    model: str
    images: int
    bad: int
    unsure: int
    first_bad: tuple[BadImage, ...]
    resumed: int
    seconds: float
    join_seconds: float
    cpu_seconds: tuple[float, ...]
    peak_bytes: int | None
