"""The numbers and figures of docs/lecture.md: ``python -m benchmarks.lecture``."""
