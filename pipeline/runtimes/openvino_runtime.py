"""OpenVINO: its own representation, ONNX and SavedModel.

It reads LiteRT files too, but not the names of their signatures.
"""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from pipeline.artifacts.model_contract import INPUT, Contract, TensorSpec
from pipeline.errors import ModelError
from pipeline.runtimes.onnx_file import require_self_contained
from pipeline.runtimes.packages import PythonPackage
from pipeline.runtimes.predictor import Images, Predictor, Probabilities, num_threads
from pipeline.runtimes.registry import Runtime
from pipeline.runtimes.telemetry import forbid_telemetry
from pipeline.tasks.registry import output_names

# By itself OpenVINO computes in bfloat16 on CPUs that can, and differs by 2e-3 from float32.
_PRECISION = "f32"


def import_openvino() -> Any:
    """Return the module; by itself it reports every import to its makers, where it can."""
    forbid_telemetry()
    return import_module("openvino")


class _OpenVino(PythonPackage):
    def load(self) -> None:
        import_openvino()


class OpenVinoPredictor(Predictor):
    """A model compiled for the CPU: once for single images, once for batches."""

    def __init__(self, path: Path) -> None:
        if path.suffix == ".onnx":
            require_self_contained(path)
        core = import_openvino().Core()
        model = core.read_model(path)
        self._compiled = cache(lambda threads: _compile(core, model, threads))
        compiled = self._compiled(1)
        self.contract = Contract(
            inputs=tuple(map(_spec, compiled.inputs)), outputs=tuple(map(_spec, compiled.outputs))
        )

    def _run(self, images: Images) -> Probabilities:
        return self._compiled(num_threads(len(images)))([images])[0]  # type: ignore[no-any-return]


def _compile(core: Any, model: Any, threads: int) -> Any:
    settings = {"INFERENCE_PRECISION_HINT": _PRECISION, "INFERENCE_NUM_THREADS": threads}
    return core.compile_model(model, "CPU", settings)


def _spec(port: Any) -> TensorSpec:
    """A port may have several names, where OpenVINO made one of two operators; one is ours."""
    names = sorted(port.names, key=lambda name: name not in {INPUT, *output_names()})
    if not names:
        raise ModelError(
            "An input or output must have a name; got none in the file. Export it again."
        )
    sizes = (None if size.is_dynamic else size.get_length() for size in port.partial_shape)
    return TensorSpec(names[0], port.element_type.to_dtype().name, tuple(sizes))


RUNTIME = Runtime(
    "openvino",
    ("openvino", "onnx", "onnx_int8", "onnx_fp16", "saved_model"),
    _OpenVino("openvino", "openvino", "runtimes"),
    OpenVinoPredictor,
    asked=_PRECISION,
)
