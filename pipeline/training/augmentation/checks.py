"""Whether images of a size can be changed as ``train.augment`` says."""

from typing import TYPE_CHECKING

from pipeline.errors import ConfigError
from pipeline.training.augmentation.displacement import num_nodes

if TYPE_CHECKING:
    from pipeline.config.schema import Config

_MAX_FIELDS = 2**28  # bytes of the fields of the nodes; preparing them takes six times as much
_FLOAT = 4  # bytes


def check_augmentation(config: "Config", image_shape: tuple[int, int, int]) -> None:
    """Check ``train.augment`` for images (height, width, channels).

    Raises:
        ConfigError: strokes of color images, or too many nodes for images of this size.
    """
    augment, (height, width, channels) = config.train.augment, image_shape
    shape = height, width
    if augment and augment.stroke and channels != 1:
        raise ConfigError(
            f"{config.place_of('train.augment.stroke')}: train.augment.stroke changes light "
            f"strokes on dark in gray images; got images with {channels} channels. Set "
            "train.augment.stroke=0, or data.channels=1."
        )
    if augment and augment.elastic and _is_too_fine(shape, augment.smoothness):
        sigma = next(n for n in range(1, max(height, width)) if not _is_too_fine(shape, n))
        raise ConfigError(
            f"{config.place_of('train.augment.elastic')}: the elastic displacement of images with "
            f"{height} x {width} pixels needs too much memory with train.augment.smoothness="
            f"{augment.smoothness:g}. Set it to at least {sigma}, or data.size to smaller images."
        )


def _is_too_fine(shape: tuple[int, int], sigma: float) -> bool:
    return _FLOAT * num_nodes(shape, sigma) * shape[0] * shape[1] > _MAX_FIELDS
