"""The options of a prediction of many images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from pipeline.batch_prediction.sources import IMAGE
from pipeline.errors import RequestError

_MAX_WORKERS, _MAX_PART_IMAGES = 1024, 10**9


class BatchOptions(TypedDict, total=False):
    """Options of ``pipeline.predict_batch``.

    ``keep`` names columns of the Parquet files to copy; a column with the name of one of the output
    gets the prefix ``input_``. ``workers`` is the number of processes, by default one for each
    processor. ``part_images`` is the number of images per part; an interruption loses the parts in
    progress. ``force`` replaces an existing output, and the parts of another prediction.
    """

    keep: Sequence[str]
    workers: int | None
    part_images: int | None
    force: bool


@dataclass(frozen=True)
class Options:
    """``BatchOptions`` with their defaults."""

    keep: Sequence[str] = ()
    workers: int | None = None
    part_images: int | None = None
    force: bool = False

    def require_valid(self) -> None:
        """Check the numbers and the names.

        Raises:
            RequestError: one is out of range, or a column cannot be kept.
        """
        for name, value in (("--workers", self.workers), ("--part-images", self.part_images)):
            limit = _MAX_WORKERS if name == "--workers" else _MAX_PART_IMAGES
            if value is not None and not 1 <= value <= limit:
                raise RequestError(f"{name} must be from 1 to {limit:,}; got {value:,}.")
        repeated = {name for name in self.keep if self.keep.count(name) > 1}
        if repeated:
            raise RequestError(f"--keep must name each column once; got {min(repeated)} twice.")
        if IMAGE in self.keep:
            raise RequestError(
                f"--keep must name columns other than {IMAGE!r}: pixels are not copied. Join the "
                "output with its input by file and row."
            )
