"""What versions predict and from what, for clients that only get numbers and for the page."""

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


def describe_pictures(version: Version) -> dict[str, Any]:
    """Return the size of the images, what turns pictures into them, and what people can draw."""
    height, width, channels = version.contract.image_shape
    return {
        "height": height,
        "width": width,
        "channels": channels,
        "preprocessing": version.preprocessing.name,
        "drawn": version.drawn,
    }


def describe_version(version: Version) -> dict[str, Any]:
    """Return the first score on the test set, the documents, and how far answers have drifted."""
    name, value = version.score
    drift = version.answers.drift()
    return {
        "score": {"name": name, "value": value},
        "documents": version.files.documents,
        "drift": drift and {"window": drift.window, **drift.indices},
    }
