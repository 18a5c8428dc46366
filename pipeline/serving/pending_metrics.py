"""What is counted beside Prometheus' metrics, since those take microseconds for each request."""

from pipeline.serving import answer_counts, inference_times, request_counts

FLUSH_SECONDS = 1.0


def flush() -> None:
    """Pass everything on to the metrics of this worker."""
    request_counts.flush()
    inference_times.flush()
    answer_counts.flush()
