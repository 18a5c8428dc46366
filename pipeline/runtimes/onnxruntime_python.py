"""ONNX files in onnxruntime, the runtime of the base install."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from pipeline.artifacts.model_contract import Contract, TensorSpec, named_axis
from pipeline.runtimes.onnx_file import read_checked
from pipeline.runtimes.packages import PythonPackage
from pipeline.runtimes.predictor import Images, Predictor, Probabilities
from pipeline.runtimes.registry import Runtime
from pipeline.runtimes.telemetry import forbid_telemetry
from pipeline.system.resources import num_processors


class OnnxRuntimePredictor(Predictor):
    """An ONNX file opened on the CPU: once for single images, once for batches."""

    def __init__(self, path: Path) -> None:
        model = read_checked(path)
        self._threads = num_processors()  # for batches; cached, since it reads files
        self._session: Callable[[int], Any] = cache(lambda threads: _open(model, threads))
        session = self._session(1)
        self.contract = Contract(
            inputs=tuple(map(_spec, session.get_inputs())),
            outputs=tuple(map(_spec, session.get_outputs())),
        )
        self.metadata = session.get_modelmeta().custom_metadata_map

    def use_one_thread(self) -> None:
        """Compute batches with one thread too, and free the bytes of the file."""
        session = self._session(1)
        session.disable_fallback()  # to other providers, which would need the bytes of the file
        if hasattr(session, "_model_bytes"):  # private: without it, only memory is lost
            session._model_bytes = None
        self._session = lambda _: session

    def _run(self, images: Images) -> Probabilities:
        [input_spec] = self.contract.inputs
        session = self._session(1 if len(images) == 1 else self._threads)
        [probabilities] = session.run(None, {input_spec.name: images})
        return probabilities  # type: ignore[no-any-return]


def import_onnxruntime() -> Any:
    """Return the module, without its telemetry."""
    forbid_telemetry()
    return import_module("onnxruntime")


class _OnnxRuntime(PythonPackage):
    def load(self) -> None:
        import_onnxruntime()


def _open(model: bytes, threads: int) -> Any:
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # failures are raised, and need not be printed too
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(
        model, sess_options=options, providers=["CPUExecutionProvider"]
    )


_DTYPES = {"tensor(float)": "float32", "tensor(double)": "float64"}


def _spec(node: object) -> TensorSpec:
    """Return the specification; a free axis has a name instead of a size."""
    name, kind, shape = node.name, node.type, node.shape  # type: ignore[attr-defined]
    dtype = _DTYPES.get(kind, kind.removeprefix("tensor(").removesuffix(")"))
    sizes = (d if isinstance(d, int) else named_axis(str(d or "?")) for d in shape)
    return TensorSpec(name, dtype, tuple(sizes))


RUNTIME = Runtime(
    "onnxruntime",
    ("onnx", "onnx_int8", "onnx_fp16"),
    _OnnxRuntime("onnxruntime", "onnxruntime", "base"),
    OnnxRuntimePredictor,
)
