"""The keys of ``train.augment``."""

from pydantic import Field

from pipeline.config.sections import Section


class Augment(Section):
    """Random changes of the training images, drawn anew for each image in each epoch.

    Every range is symmetric: ``rotation: 15`` draws uniformly from -15 to 15 degrees.
    """

    rotation: float = Field(0.0, ge=0, le=180, description="Degrees to either side.")
    scale: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Natural logarithm of the largest factor, drawn independently for height "
        "and width: 0.2 scales by 0.82 to 1.22.",
    )
    shear: float = Field(
        0.0, ge=0, le=1, description="Pixels to either side for each pixel of height."
    )
    translation: float = Field(
        0.0, ge=0, le=128, description="Pixels in either direction; may be fractional."
    )
    elastic: float = Field(
        0.0,
        ge=0,
        le=32,
        description="Standard deviation of the elastic displacement of a pixel, in pixels.",
    )
    smoothness: float = Field(
        6.0,
        ge=1,
        le=128,
        description="Standard deviation of the Gaussian that smooths the elastic displacement, in "
        "pixels.",
    )
    stroke: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of the deformed images whose strokes are made thicker or thinner; for "
        "light strokes on dark.",
    )
    flip: bool = Field(False, description="Mirror half of the deformed images left to right.")
    undeformed: float = Field(
        0.0, ge=0, lt=1, description="Share of the images of each batch that are not changed."
    )
    clean_at_end: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of the steps, at the end of training, in which no image is changed.",
    )
