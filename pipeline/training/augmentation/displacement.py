"""Where each pixel of a deformed image comes from: an affine map and an elastic displacement."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

if TYPE_CHECKING:
    from pipeline.config.augment_schema import Augment

_AFFINE = 6  # draws: rotation, two scales, shear, two translations
_FLIP = 1
_UNIT = math.sqrt(3)  # uniform draws from -1 to 1, times this, have a variance of 1


class Displacement:
    """Source coordinates of every pixel, linear in the coefficients of fixed fields.

    With p = (y, x) from the center c of the image, pixel c + p of the deformed image is that at
    c + S K R p + t + d(p): a rotation R, a shear K, two scales S, a translation t, and
    d(p) = elastic * sum_k n_k G(p - g_k) / sqrt(sum_k G(p - g_k)^2) with random n_k at the nodes
    g_k of a grid and the Gaussian G.
    """

    def __init__(self, config: "Augment", shape: tuple[int, int]) -> None:
        """Prepare the fields for images of ``shape`` (height, width)."""
        self._config, self.shape = config, shape
        nodes = (
            _smooth_fields(shape, config.smoothness) if config.elastic else np.empty((0, *shape))
        )
        self._center = [(length - 1) / 2 for length in shape]
        y, x = np.indices(shape) - np.reshape(self._center, (2, 1, 1))
        fields = np.concatenate([nodes, [np.ones(shape), y, x]])
        self._num_nodes = len(nodes)
        self._fields = tf.constant(fields.reshape(len(fields), -1), tf.float32)
        self.num_draws = 2 * self._num_nodes + _AFFINE + _FLIP

    def __call__(self, draws: Any) -> tuple[Any, Any]:
        """Return y and x, float32 (n, height * width), for draws (n, num_draws) in -1 to 1."""
        nodes = draws[:, : 2 * self._num_nodes] * (self._config.elastic * _UNIT)
        for_y, for_x = self._affine(draws[:, 2 * self._num_nodes :])
        height, width = self.shape
        y = self._sources(nodes[:, : self._num_nodes], for_y)
        x = self._sources(nodes[:, self._num_nodes :], for_x)
        return tf.clip_by_value(y, 0, height - 1), tf.clip_by_value(x, 0, width - 1)

    def _sources(self, nodes: Any, affine: list[Any]) -> Any:
        return tf.concat([nodes, tf.stack(affine, axis=1)], axis=1) @ self._fields

    def _affine(self, draws: Any) -> tuple[list[Any], list[Any]]:
        """Return the coefficients of 1, y and x for the source's y, and for its x."""
        config = self._config
        angle = draws[:, 0] * math.radians(config.rotation)
        cosine, sine, shear = tf.cos(angle), tf.sin(angle), draws[:, 3] * config.shear
        scale_y, scale_x = (tf.exp(draws[:, n] * config.scale) for n in (1, 2))
        if config.flip:
            scale_x = tf.where(draws[:, 6] < 0, -scale_x, scale_x)
        shift_y, shift_x = (draws[:, n] * config.translation for n in (4, 5))
        return (
            [self._center[0] + shift_y, scale_y * cosine, -scale_y * sine],
            [
                self._center[1] + shift_x,
                scale_x * (shear * cosine + sine),
                scale_x * (cosine - shear * sine),
            ],
        )


def num_nodes(shape: tuple[int, int], sigma: float) -> int:
    """Return the number of nodes of the elastic displacement of an image (height, width)."""
    return math.prod(_nodes_along(length, sigma) for length in shape)


def _nodes_along(length: int, sigma: float) -> int:
    return math.ceil((length - 1) / sigma) + 3


def _smooth_fields(shape: tuple[int, int], sigma: float) -> npt.NDArray[np.float64]:
    """Return a Gaussian around each node of a grid (nodes, *shape), with unit variance in sum.

    Nodes are ``sigma`` apart, and reach one and a half times that beyond the image.
    """
    along_y, along_x = (_gaussians(length, sigma) for length in shape)
    fields = along_y[:, None, :, None] * along_x[None, :, None, :]
    fields = fields.reshape(-1, *shape)
    normalized: npt.NDArray[np.float64] = fields / np.sqrt((fields**2).sum(axis=0))
    return normalized


def _gaussians(length: int, sigma: float) -> npt.NDArray[np.float64]:
    count = _nodes_along(length, sigma)
    nodes = (np.arange(count) - (count - 1) / 2) * sigma + (length - 1) / 2
    found: npt.NDArray[np.float64] = np.exp(
        -((np.arange(length) - nodes[:, None]) ** 2) / (2 * sigma**2)
    )
    return found
