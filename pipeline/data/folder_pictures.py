"""The pictures of a folder as images: their common shape, and their pixels."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.config.data_schema import MAX_SIDE
from pipeline.config.key_errors import InvalidValue
from pipeline.data.in_threads import in_threads
from pipeline.errors import DataFileError, ImageError
from pipeline.imaging.checked_pictures import Form, decode_resized, read_form
from pipeline.progress import IMAGES
from pipeline.system.regular_files import open_regular, read_regular

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.artifacts.preprocessing import Fit
    from pipeline.config.data_schema import Data
    from pipeline.data.folder_content import Content
    from pipeline.progress import Progress

_MAX_BYTES = 64 * 2**20  # of a file; the largest photographs have 50 MB
_SHOWN = 10  # unreadable pictures in a message
_COLOR, _GRAY = 3, 1
_shapes: dict[tuple[Any, ...], tuple[int, int, int]] = {}  # so that one command finds each once


@dataclass
class Problems:
    """Pictures that cannot be read, reported together."""

    total: int
    found: list[str] = field(default_factory=list)

    def add(self, error: Exception) -> None:
        """Remember the message of one picture, and give up after some."""
        self.found.append(str(error))
        if len(self.found) >= _SHOWN:
            self.report(at_least=True)

    def report(self, *, at_least: bool = False) -> None:
        """Raise the error about all of them, if there are any.

        Raises:
            DataFileError: there are.
        """
        if self.found:
            count = f"{'At least ' if at_least else ''}{len(self.found)}"
            listed = "\n".join(self.found)
            raise DataFileError(f"{count} of {self.total:,} pictures cannot be read:\n{listed}")


def image_shape(data: "Data", content: "Content", progress: "Progress") -> tuple[int, int, int]:
    """Return the shape (height, width, channels) of all images of a folder.

    Without ``data.size``, all pictures must have one size. Without ``data.channels``, images are
    gray if no picture has a colored pixel, however it is stored.

    Raises:
        InvalidValue: the sizes differ, or are too large.
        DataFileError: pictures cannot be read.
    """
    if data.size and data.channels:
        return (*data.size, data.channels)
    key = content.sha256, data.size, data.fit, data.channels
    if key not in _shapes:
        _shapes[key] = _image_shape(content, data.size, data.fit, data.channels, progress)
    return _shapes[key]


def _image_shape(
    content: "Content",
    size: tuple[int, int] | None,
    fit: "Fit",
    channels: int | None,
    progress: "Progress",
) -> tuple[int, int, int]:
    paths = [content.index.root / picture.path for picture in content.index.pictures]
    problems, first, color = Problems(len(paths)), None, channels
    with progress.task("reading the sizes of the pictures", len(paths), unit=IMAGES) as task:
        for number, path in enumerate(paths):
            try:
                form = _form(path)
                if first is None:
                    first = (form, path)
                if size is None:
                    _require_size(first, (form, path))
                shape = size or (form.height, form.width)
                if color is None and form.may_have_color and _has_color(path, shape, fit):
                    color = _COLOR
            except ImageError as error:
                problems.add(error)
            if color is not None and size is not None:
                break
            task.update(number + 1)
    problems.report()
    assert first is not None, "an index has pictures"
    return (*(size or (first[0].height, first[0].width)), color or _GRAY)


def read_images(
    content: "Content",
    indices: Sequence[int],
    shape: tuple[int, int, int],
    fit: "Fit",
    problems: Problems,
) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield chunks (n, height, width, channels) of the pictures at ``indices``.

    Pictures that cannot be read are added to ``problems``, and black.

    Raises:
        DataFileError: a picture changed since the content was read.
    """
    height, width, channels = shape

    def read_one(index: int) -> npt.NDArray[np.uint8] | ImageError:
        path = content.index.root / content.index.pictures[index].path
        try:
            file = _bytes(path)
            if hashlib.sha256(file).hexdigest() != content.sums[index]:
                raise changed(path)
            return decode_resized(file, (height, width), fit, channels, where=str(path))
        except ImageError as error:
            return error

    for chunk in in_threads(read_one, indices):
        images = np.zeros((len(chunk), *shape), np.uint8)
        for image, result in zip(images, chunk, strict=True):
            if isinstance(result, ImageError):
                problems.add(result)
            else:
                image[:] = result
        yield images


def changed(path: "Path") -> DataFileError:
    """Return the error that a file or folder is not as it was when the run began."""
    return DataFileError(f"{path} changed while the run was in progress. Run again.")


def _require_size(first: "tuple[Form, Path]", other: "tuple[Form, Path]") -> None:
    (form, path), (other_form, other_path) = first, other
    if (form.height, form.width) != (other_form.height, other_form.width):
        raise InvalidValue(
            "data.size",
            f"Pictures must have the same size unless data.size is set; {path} has {form.width} x "
            f"{form.height} pixels, and {other_path} {other_form.width} x {other_form.height}",
            "Write, for example, size: [28, 28] (height, width): pictures are then resized with "
            "their aspect ratio kept.",
        )
    if max(form.height, form.width) > MAX_SIDE:
        raise InvalidValue(
            "data.size",
            f"Images must have at most {MAX_SIDE} x {MAX_SIDE} pixels; {path} has {form.width} x "
            f"{form.height}",
            "Write, for example, size: [64, 64]: pictures are then resized.",
        )


def _has_color(path: "Path", size: tuple[int, int], fit: "Fit") -> bool:
    image = decode_resized(_bytes(path), size, fit, _COLOR, where=str(path))
    return bool((image != image[..., :1]).any())


def _form(path: "Path") -> Form:
    try:
        with open_regular(path) as file:
            return read_form(file, str(path))
    except OSError as error:
        raise ImageError(f"Cannot read {path}: {error.strerror}. Replace or remove it.") from error


def _bytes(path: "Path") -> bytes:
    try:
        return read_regular(path, _MAX_BYTES)
    except OSError as error:
        raise ImageError(f"Cannot read {path}: {error.strerror}. Replace or remove it.") from error
