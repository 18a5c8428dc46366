"""ONNX files in tract, a runtime in Rust for small devices."""

from pathlib import Path

from pipeline.artifacts.model_contract import Contract, TensorSpec, named_axis
from pipeline.runtimes.onnx_file import output_names, require_self_contained
from pipeline.runtimes.packages import PythonPackage
from pipeline.runtimes.predictor import Images, Predictor, Probabilities
from pipeline.runtimes.registry import Runtime

_DTYPES = {"u8": "uint8", "f32": "float32", "f64": "float64", "f16": "float16", "i64": "int64"}


class TractPredictor(Predictor):
    """An ONNX file, optimized for any batch size; it computes in one thread."""

    def __init__(self, path: Path) -> None:
        import tract

        loaded = tract.onnx().load(str(require_self_contained(path)))
        inputs = [loaded.input_name(index) for index in range(loaded.input_count())]
        outputs = output_names(path)  # tract reports those of the nodes
        model = loaded.into_model()
        self.contract = Contract(
            inputs=tuple(_spec(n, str(model.input_fact(i))) for i, n in enumerate(inputs)),
            outputs=tuple(_spec(n, str(model.output_fact(i))) for i, n in enumerate(outputs)),
        )
        self._runnable = model.into_runnable()

    def _run(self, images: Images) -> Probabilities:
        [output] = self._runnable.run([images])
        return output.to_numpy()  # type: ignore[no-any-return]


def _spec(name: str, fact: str) -> TensorSpec:
    """Return the specification of a fact, such as ``batch,28,28,1,u8``."""
    *sizes, dtype = fact.split(",")
    shape = (int(size) if size.isdecimal() else named_axis(size) for size in sizes)
    return TensorSpec(name, _DTYPES.get(dtype, dtype), tuple(shape))


RUNTIME = Runtime(
    "tract",
    ("onnx", "onnx_int8", "onnx_fp16"),
    PythonPackage("tract", "tract", "runtimes"),
    TractPredictor,
)
