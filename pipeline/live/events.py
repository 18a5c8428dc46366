"""Events of TensorBoard: scalars and histograms, and which of them a resumed training keeps."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import HistogramProto

EPOCH, BATCH, HISTOGRAM = "epoch_", "batch_", "/histogram"
IMAGES_PER_SECOND, POSITION = "images_per_second", "position"
_BUCKETS = 30  # as Keras' TensorBoard callback


def first_events() -> "list[Event]":
    """Return the first events of a file: its version, and that it replaces all earlier files."""
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog

    now = time.time()
    start = SessionLog(status=SessionLog.START)  # TensorBoard drops what it has read before
    version = Event(wall_time=now, file_version="brain.Event:2")
    return [version, Event(wall_time=now, step=0, session_log=start)]


def scalars(values: Mapping[str, float], step: int) -> "Event":
    """Return an event of scalars by tag."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    found = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
    return Event(wall_time=time.time(), step=step, summary=Summary(value=found))


def histograms(arrays: "Mapping[str, npt.NDArray[np.floating]]", step: int) -> "Event":
    """Return an event of the histograms of arrays by name; those not finite are left out."""
    import numpy as np
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    found = [
        Summary.Value(tag=f"{name}{HISTOGRAM}", histo=_histogram(array.ravel()))
        for name, array in arrays.items()
        if np.isfinite(np.sum(array))
    ]
    return Event(wall_time=time.time(), step=step, summary=Summary(value=found))


def is_kept(event: "Event", *, epoch: int, step: int) -> bool:
    """Return whether a scalar or histogram belongs to the first epochs and steps of a training."""
    if not event.summary.value:
        return False
    is_batch = event.summary.value[0].tag.startswith(BATCH)
    return bool(event.step <= (step if is_batch else epoch))


def _histogram(values: "npt.NDArray[np.floating]") -> "HistogramProto":
    import numpy as np
    from tensorboard.compat.proto.summary_pb2 import HistogramProto

    counts, edges = np.histogram(values, bins=_BUCKETS)
    return HistogramProto(
        min=edges[0],
        max=edges[-1],
        num=values.size,
        sum=np.sum(values, dtype=np.float64),
        sum_squares=np.dot(values, values),
        bucket_limit=edges[1:],
        bucket=counts,
    )
