"""What the page of a comparison shows: its document, and the changed test images as pictures."""

from base64 import b64encode
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.comparison.comparing import Comparison
from pipeline.comparison.document import comparison_document
from pipeline.comparison.pairs import Pair
from pipeline.comparison.two_files import MEANING


def page_data(comparison: Comparison) -> dict[str, Any]:
    """Return the document, with a picture (a ``data:`` URL) in each changed image."""
    document = {**comparison_document(comparison), "two_files": MEANING}
    for pair, values in zip(comparison.pairs, document["comparisons"], strict=True):
        _add_pictures(pair, values["files"])
    return document


def _add_pictures(pair: Pair, files: dict[str, Any]) -> None:
    images = pair.first.first.test_set.images()
    for kind in ("worse", "better"):
        for image in files[kind]["images"]:
            image["picture"] = _picture(images[image["index"]])


def _picture(pixels: npt.NDArray[np.uint8]) -> str:
    """Return an image (height, width, 1 or 3 channels) as a PNG in a ``data:`` URL."""
    from PIL import Image

    file = BytesIO()
    Image.fromarray(np.squeeze(np.asarray(pixels))).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"
