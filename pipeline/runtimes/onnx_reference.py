"""ONNX files in onnx's reference evaluator: the standard's definition, in NumPy."""

from pathlib import Path
from typing import Any

from pipeline.artifacts.model_contract import Contract, TensorSpec, named_axis
from pipeline.runtimes.onnx_file import read_checked
from pipeline.runtimes.packages import PythonPackage
from pipeline.runtimes.predictor import Images, Predictor, Probabilities
from pipeline.runtimes.registry import Runtime


class OnnxReferencePredictor(Predictor):
    """An ONNX file, checked in full and evaluated operator by operator."""

    def __init__(self, path: Path) -> None:
        import onnx
        from onnx.reference import ReferenceEvaluator

        model = onnx.load_from_string(read_checked(path))
        onnx.checker.check_model(model, full_check=True)
        self._evaluator = ReferenceEvaluator(model)
        self.contract = onnx_contract(model)

    def _run(self, images: Images) -> Probabilities:
        [input_spec] = self.contract.inputs
        outputs: Any = self._evaluator.run(None, {input_spec.name: images})
        return outputs[0]  # type: ignore[no-any-return]


def onnx_contract(model: Any) -> Contract:
    """Return the inputs and outputs that an ``onnx.ModelProto`` declares."""
    return Contract(
        inputs=tuple(map(_spec, model.graph.input)), outputs=tuple(map(_spec, model.graph.output))
    )


def _spec(value: Any) -> TensorSpec:
    import onnx

    tensor = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
    sizes = (
        d.dim_value if d.HasField("dim_value") else named_axis(d.dim_param or "?")
        for d in tensor.shape.dim
    )
    return TensorSpec(value.name, dtype, tuple(sizes))


RUNTIME = Runtime(
    "onnx-reference",
    ("onnx", "onnx_int8"),  # float16 takes NumPy 300 times as long: minutes for a test set
    PythonPackage("onnx", "onnx", "train", extra_modules=("onnx.reference",)),
    OnnxReferencePredictor,
)
