"""Explain the predictions of a version, from the weights in its ONNX file."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline.artifacts.files import FileDescription, alteration
from pipeline.errors import ModelError
from pipeline.runtimes.evidence import Evidence, evidence, other_activation
from pipeline.runtimes.onnx_layers import DenseLayer, dense_layers
from pipeline.runtimes.predictor import Images


@dataclass(frozen=True, eq=False)
class Explainer:
    """Explains images; reads the weights of ``path`` when it is used for the first time."""

    path: Path
    described: FileDescription

    def explain(self, image: Images) -> Evidence:
        """Return the evidence of the pixels of an image, uint8 (height, width, channels).

        Raises:
            ModelError: it is no dense ReLU network, or the file was altered.
        """
        return evidence(self._layers, image)

    @cached_property
    def _layers(self) -> list[DenseLayer]:
        changed = alteration(self.path.parent, self.path.name, self.described)
        if changed:
            raise ModelError(f"its weights can no longer be read: {changed}")
        try:
            layers = dense_layers(self.path)
        except ModelError:
            raise ModelError("it has other layers, or averages several outputs") from None
        other = other_activation(layers)
        if other:
            raise ModelError(f"it has the activation {other}")
        return layers
