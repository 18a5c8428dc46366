"""ONNX files in onnxruntime: the runtime of the base install."""

from pathlib import Path

from pipeline.export.contract import Contract, TensorSpec, named_axis
from pipeline.runtimes.predictor import Images, Predictor, Probabilities
from pipeline.runtimes.registry import Runtime


class OnnxRuntimePredictor(Predictor):
    """An ONNX file opened on the CPU."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # failures are raised; nothing needs to be printed as well
        self._session = onnxruntime.InferenceSession(
            path, sess_options=options, providers=["CPUExecutionProvider"]
        )
        self.contract = Contract(
            inputs=tuple(map(_spec, self._session.get_inputs())),
            outputs=tuple(map(_spec, self._session.get_outputs())),
        )

    def _run(self, images: Images) -> Probabilities:
        [input_spec] = self.contract.inputs
        [probabilities] = self._session.run(None, {input_spec.name: images})
        return probabilities  # type: ignore[no-any-return]


_DTYPES = {"tensor(float)": "float32", "tensor(double)": "float64"}


def _spec(node: object) -> TensorSpec:
    """A free axis has a name instead of a size."""
    name, kind, shape = node.name, node.type, node.shape  # type: ignore[attr-defined]
    dtype = _DTYPES.get(kind, kind.removeprefix("tensor(").removesuffix(")"))
    sizes = (d if isinstance(d, int) else named_axis(str(d)) for d in shape)
    return TensorSpec(name, dtype, tuple(sizes))


RUNTIME = Runtime("onnxruntime", "onnx", "onnxruntime", "base", OnnxRuntimePredictor)
