"""What a version predicts, for clients that only get numbers."""

from typing import Any

from pipeline.serving.versions import Version


def describe_task(version: Version) -> dict[str, Any]:
    """Return the task's name, its classes, and the range of its labels if they are numbers.

    The output of a binary model is the probability of the second class.
    """
    return {
        "name": version.task.name,
        "class_names": list(version.class_names),
        "range": version.value_range,
    }
