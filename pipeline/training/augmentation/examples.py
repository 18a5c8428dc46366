"""Examples of what an augmentation makes of images."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pipeline.training.augmentation.augmentation import Augmentation

if TYPE_CHECKING:
    from pipeline.config.augment_schema import Augment


def examples(
    config: "Augment", images: npt.NDArray[np.uint8], *, variants: int, seed: int
) -> npt.NDArray[np.uint8]:
    """Return each image as it is and changed in several ways: uint8 (n * (1 + variants), ...).

    ``images`` are uint8 (n, height, width, channels). All are changed, also with ``undeformed``.
    """
    height, width, channels = images.shape[1:]
    change = Augmentation(config.model_copy(update={"undeformed": 0.0}), (height, width, channels))
    # In random order, as in a batch: strokes are changed in the first ones.
    order = np.random.default_rng(seed).permutation(len(images) * variants)
    changed = np.empty((len(order), *images.shape[1:]), np.uint8)
    changed[order] = change(np.repeat(images, variants, axis=0)[order], seed, 0)
    rows = changed.reshape(len(images), variants, *images.shape[1:])
    return np.concatenate([images[:, None], rows], axis=1).reshape(-1, *images.shape[1:])
