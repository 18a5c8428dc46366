"""OpenVINO files, ONNX files and SavedModels in OpenVINO.

OpenVINO also reads LiteRT files, but not the names of their signatures.
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

# By default OpenVINO computes in bfloat16 on CPUs that can, which differs from float32 by 2e-3.
_PRECISION = "f32"


def import_openvino() -> Any:
    """Return the module, without its telemetry on import."""
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
    """Return the specification; a port of fused operators has several names, one of them ours."""
    names = sorted(port.names, key=lambda name: name not in {INPUT, *output_names()})
    if not names:
        raise ModelError(
            "All inputs and outputs of a model must have names; got one without. Export the model "
            "again."
        )
    sizes = (None if size.is_dynamic else size.get_length() for size in port.partial_shape)
    return TensorSpec(names[0], port.element_type.to_dtype().name, tuple(sizes))


RUNTIME = Runtime(
    "openvino",
    ("openvino", "onnx", "onnx_int8", "onnx_fp16", "saved_model"),
    _OpenVino("openvino", "openvino", "runtimes"),
    OpenVinoPredictor,
    setting=_PRECISION,
)
