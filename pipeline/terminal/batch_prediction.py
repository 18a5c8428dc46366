"""The output of ``pipeline predict --output``."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.batch_prediction.joining import BadImage
    from pipeline.batch_prediction.result import BatchPrediction


def batch_document(result: "BatchPrediction") -> dict[str, Any]:
    """Return the document of ``pipeline predict --output FILE --json``."""
    return {**asdict(result), "output": str(result.output)}


def print_batch(result: "BatchPrediction") -> None:
    """Print what was predicted, how fast, and the first images that could not be read."""
    computed = result.images - result.resumed
    print(f"{result.output}: {result.images:,} predictions of {result.model}")
    if result.resumed:
        print(f"  {result.resumed:,} of them by a command that was interrupted")
    if computed and result.seconds:
        rate, workers = computed / result.seconds, len(result.cpu_seconds)
        processes = f"{workers} process{'es' if workers > 1 else ''}"
        print(f"  {computed:,} in {result.seconds:.1f} s by {processes}: {rate:,.0f} images/s")
    if result.unsure:
        print(f"  {result.unsure:,} are unsure: column reason")
    if result.bad:
        images = "image" if result.bad == 1 else "images"
        print(f"  {result.bad:,} {images} could not be read: column error")
        for bad in result.first_bad:
            print(f"    {_place(bad)}: {bad.error}")
        if result.bad > len(result.first_bad):
            print(f"    and {result.bad - len(result.first_bad):,} more")


def _place(bad: "BadImage") -> str:
    return bad.file if bad.row is None else f"{bad.file}, row {bad.row:,}"
