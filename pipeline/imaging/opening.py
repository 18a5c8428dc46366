"""Opening untrusted picture files, if they can be decoded with little time and memory."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import IO, TYPE_CHECKING

from pipeline.errors import ImageError, one_line
from pipeline.imaging.jpeg import DecodingWork, read_decoding_work
from pipeline.imaging.picture_formats import (
    FORMATS,
    require_known_compression,
    require_known_format,
)

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

# After decoding. JPEGs can be decoded at a smaller size, so photographs may be larger, unless the
# decoder has to buffer the whole image until the last scan.
_MAX_PIXELS = 20_000_000
_MAX_SCANS = 50  # of a JPEG; each is a pass over the whole image: tens of milliseconds
_HEAD_BYTES = 16  # which name the format
_FILTERING = Lock()  # of warnings, whose filters belong to the whole process


@contextmanager
def opened_picture(
    file: IO[bytes], where: str, unreadable: Callable[[str], ImageError]
) -> Iterator[tuple["Image", DecodingWork]]:
    """Open a picture, which is decoded when its pixels are first used, within the block.

    ``unreadable`` makes the error from the reason, for a damaged file or one of another kind.

    Raises:
        ImageError: it is not a picture of an accepted format, or it is damaged.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        require_known_format(file.read(_HEAD_BYTES), where)
        file.seek(0)
        with _read_head(file) as picture:
            require_known_compression(picture, where)
            yield picture, _decoding_work(picture, where)
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise unreadable("unknown image format") from error
    except Image.DecompressionBombError as error:
        raise unreadable("it has too many pixels") from error
    except Exception as error:  # a damaged file can raise anything
        raise unreadable(one_line(error).rstrip(".")) from error


def _read_head(file: IO[bytes]) -> "ImageFile":
    """Open a picture without Pillow's warning about many pixels: ``require_few_pixels`` counts."""
    from PIL import Image

    with _FILTERING, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(file, formats=FORMATS)


def require_few_pixels(picture: "Image", work: DecodingWork, side: int, where: str) -> None:
    """Decode a JPEG at no more than it needs for ``side`` pixels; reject what is large even so.

    Raises:
        ImageError: more than 20 million pixels would be decoded.
    """
    size = picture.size
    picture.draft(None, (side, side))
    width, height = size if work.buffered else picture.size
    if width * height > _MAX_PIXELS:
        raise ImageError(
            f"A picture must have at most {_MAX_PIXELS:,} pixels, unless it is a baseline (not "
            f"progressive) JPEG; got {size[0]} x {size[1]} in {where}. Scale it down."
        )


def _decoding_work(picture: "ImageFile", where: str) -> DecodingWork:
    """Return the decoding work of a picture; reject JPEGs that would take minutes."""
    if picture.format not in {"JPEG", "MPO"} or picture.fp is None:  # MPO: several JPEGs
        return DecodingWork(1, buffered=False)
    offset = picture.fp.tell()
    picture.fp.seek(0)
    work = read_decoding_work(picture.fp.read())
    picture.fp.seek(offset)
    if work.scans > _MAX_SCANS:
        raise ImageError(
            f"A JPEG must have at most {_MAX_SCANS} scans; got more in {where}. Save it again "
            "as a baseline (not progressive) JPEG."
        )
    return work
