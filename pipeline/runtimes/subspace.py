"""How unlike the training images an image is: its distance from their principal subspace.

The distance is measured between inputs of the first activation, x @ kernel + bias, of which a few
principal components contain nearly all variance (reconstruction error of a principal component
analysis: Jackson and Mudholkar, "Control procedures for residuals associated with principal
component analysis", Technometrics 21, 1979).
"""

from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import numpy.typing as npt

from pipeline.errors import ModelError, sentence
from pipeline.runtimes.onnx_layers import DenseLayer
from pipeline.runtimes.predictor import Images

Distances = npt.NDArray[np.float64]

_VARIANCE = 0.995  # share that the components contain: 96 of 512 for the default model
_MAX_UNITS = 1024  # the first ones; more would take minutes
_MAX_BYTES = 2**24  # of the file, unpacked: 1,024 components of 1,024 units have 4 MB
_CHUNK = 4096  # images


@dataclass(frozen=True)
class Subspace:
    """The span of the orthonormal ``components``, float32 (units, k), around ``mean`` (units,)."""

    mean: npt.NDArray[np.float32]
    components: npt.NDArray[np.float32]

    def distances(self, layer: DenseLayer, images: Images) -> Distances:
        """Return the distance (n,) of images, uint8 (n, *image_shape); 0 for those inside.

        ``layer`` is the first one, for pixels from 0 to 255.
        """
        found = [np.zeros(0)]
        for first in range(0, len(images), _CHUNK):
            chunk = images[first : first + _CHUNK]
            centered = _inputs(layer, chunk, len(self.mean)) - self.mean
            rest = centered - (centered @ self.components) @ self.components.T
            found.append(np.linalg.norm(rest.astype(np.float64), axis=1))
        return np.concatenate(found)

    def write(self, path: Path) -> None:
        """Write both arrays into one file."""
        np.savez(path, mean=self.mean, components=self.components)


def fit_subspace(layer: DenseLayer, images: Images) -> Subspace:
    """Return the subspace of the training images, uint8 (n, *image_shape)."""
    inputs = _inputs(layer, images, _MAX_UNITS).astype(np.float64)
    mean = inputs.mean(axis=0)
    variances, vectors = np.linalg.eigh(np.cov((inputs - mean).T))
    shares = np.cumsum(variances[::-1]) / max(variances.sum(), np.finfo(float).tiny)
    count = int(np.searchsorted(shares, _VARIANCE)) + 1
    components = vectors[:, ::-1][:, :count]
    return Subspace(mean.astype(np.float32), np.ascontiguousarray(components, np.float32))


def read_subspace(path: Path, layer: DenseLayer) -> Subspace:
    """Return the subspace in a file, for the inputs of this layer's activation.

    Raises:
        ModelError: the file is damaged, or belongs to a layer of other units.
    """
    try:
        with ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > _MAX_BYTES:
            raise ValueError(f"it must unpack to at most {_MAX_BYTES:,} bytes; got {size:,}")
        with np.load(path, allow_pickle=False) as file:
            subspace = Subspace(file["mean"], file["components"])
        _require_valid(subspace, units=min(len(layer.bias), _MAX_UNITS))
    except Exception as error:  # NumPy and zipfile raise many kinds for damaged files
        raise ModelError(
            f"Cannot read the subspace of the training images in {path}: {sentence(error)} Publish "
            "the model again (pipeline run)."
        ) from error
    return subspace


def _inputs(layer: DenseLayer, images: Images, units: int) -> npt.NDArray[np.float32]:
    """Return the inputs of the activation of at most so many units, float32 (n, units)."""
    pixels = images.reshape(len(images), -1).astype(np.float32)
    return pixels @ layer.kernel[:, :units] + layer.bias[:units]


def _require_valid(subspace: Subspace, *, units: int) -> None:
    mean, components = subspace.mean, subspace.components
    shapes = mean.shape == (units,) and components.shape[:1] == (units,) and components.ndim == 2  # noqa: PLR2004
    if not shapes or not mean.dtype == components.dtype == np.float32:
        raise ValueError(
            f"mean and components must be float32 ({units},) and ({units}, k); got {mean.dtype} "
            f"{mean.shape} and {components.dtype} {components.shape}"
        )
    if not (np.isfinite(mean).all() and np.isfinite(components).all()):
        raise ValueError("mean and components must be finite; got infinity or NaN")
