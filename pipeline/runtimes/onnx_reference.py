"""ONNX files in onnx's reference evaluator: the standard's definition, in NumPy."""

from pathlib import Path
from typing import Any

from pipeline.artifacts.model_contract import Contract, TensorSpec, named_axis
from pipeline.runtimes.onnx_file import read_checked
from pipeline.runtimes.packages import PythonPackage
from pipeline.runtimes.predictor import Images, Predictor, Probabilities
from pipeline.runtimes.registry import Runtime

_FIRST_DEQUANTIZED = 19  # opset


class OnnxReferencePredictor(Predictor):
    """An ONNX file, checked in full and evaluated operator by operator."""

    def __init__(self, path: Path) -> None:
        import onnx
        from onnx.reference import ReferenceEvaluator

        model = onnx.load_from_string(read_checked(path))
        onnx.checker.check_model(model, full_check=True)
        self._evaluator = ReferenceEvaluator(model, new_ops=_missing_operators(model))
        self.contract = onnx_contract(model)

    def _run(self, images: Images) -> Probabilities:
        [input_spec] = self.contract.inputs
        outputs: Any = self._evaluator.run(None, {input_spec.name: images})
        return outputs[0]  # type: ignore[no-any-return]


def _missing_operators(model: Any) -> list[Any]:
    """Return DequantizeLinear for a file of an older opset than 19, the first that onnx evaluates.

    Newer ones have more dtypes and attributes, and compute the same without them (onnx's
    Changelog.md).
    """
    from onnx.reference.ops.op_dequantize_linear import DequantizeLinear_25

    if all(entry.version >= _FIRST_DEQUANTIZED for entry in model.opset_import):
        return []
    return [type("DequantizeLinear", (DequantizeLinear_25,), {})]


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
