"""The ink of a picture: how far each pixel differs from its local ground.

The ground of dark ink is the morphological closing of the picture, that of light ink the opening
(the black and the white top-hat transform). Both follow shadows and the edge of a sheet, which are
wider than a stroke.
"""

import numpy as np
import numpy.typing as npt

from pipeline.imaging.morphology import Gray, closed

Ink = npt.NDArray[np.float32]
_WINDOW = 0.3  # of the longer side: wider than any stroke, also where two of them meet
_EVEN = 2  # gray levels: without the grain of any paper
_DARKEST = 40  # gray level of a ground on which dark ink could be read
_SMOOTHING = 1 / 400  # of the longer side: grain and dither, but no stroke


def ink_on_ground(gray: Gray, *, dark: bool) -> tuple[Ink, bool]:
    """Return the ink, 0 to 1, of dark strokes on a light ground, or light ones on a dark ground.

    The second value tells whether the ground is even, as drawing programs and masks make it.

    Dark ink is relative to its ground: in a shadow, both are darker by the same factor.
    """
    smooth = _smoothed(gray)
    levels = smooth if dark else ~smooth
    window = max(3, round(_WINDOW * max(gray.shape)))
    ground = closed(levels, rows=window, columns=window)
    ink: Ink = np.subtract(ground, levels, dtype=np.float32)
    scale = np.maximum(ground, _DARKEST) if dark else np.full_like(ground, 255)
    is_even = int(ground.max()) - int(ground.min()) <= _EVEN
    return np.divide(ink, scale, dtype=np.float32), is_even


def stroke_width(ink: Ink) -> float:
    """Return the mean thickness of strokes: twice their area divided by their outline.

    The outline of soft edges is the total variation of the ink (the coarea formula).
    """
    down, across = np.gradient(np.pad(ink, 1))
    return 2 * float(ink.sum() / max(np.hypot(down, across).sum(), 1e-6))


def _smoothed(gray: Gray) -> Gray:
    from PIL import Image, ImageFilter

    radius = _SMOOTHING * max(gray.shape)
    if radius < 0.3:  # noqa: PLR2004  (of a pixel: nothing would change)
        return gray
    return np.asarray(Image.fromarray(gray).filter(ImageFilter.GaussianBlur(radius)))
