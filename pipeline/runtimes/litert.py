"""LiteRT files in the LiteRT interpreter, as on phones; without TensorFlow."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.artifacts.model_contract import SIGNATURE, Contract, TensorSpec
from pipeline.errors import ModelError
from pipeline.runtimes.packages import PythonPackage
from pipeline.runtimes.predictor import Images, Predictor, Probabilities, num_threads
from pipeline.runtimes.registry import Runtime


class LiteRtPredictor(Predictor):
    """The signature ``serving_default`` of a LiteRT file, opened once per number of threads."""

    def __init__(self, path: Path) -> None:
        model = path.read_bytes()
        self._signature = cache(lambda threads: _open(model, threads))
        signature = self._signature(1)
        self.contract = Contract(
            inputs=_specs(signature.get_input_details()),
            outputs=_specs(signature.get_output_details()),
        )

    def _run(self, images: Images) -> Probabilities:
        [input_spec], [output_spec] = self.contract.inputs, self.contract.outputs
        output = self._signature(num_threads(len(images)))(**{input_spec.name: images})
        return output[output_spec.name]  # type: ignore[no-any-return]


def _open(model: bytes, threads: int) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=model, num_threads=threads)
    interpreter.allocate_tensors()  # a TensorFlow-select operator is an error here
    if SIGNATURE not in interpreter.get_signature_list():
        raise ModelError(
            f"The LiteRT file must have the signature {SIGNATURE}; got "
            f"{sorted(interpreter.get_signature_list())}. Export it again."
        )
    return interpreter.get_signature_runner(SIGNATURE)


def _specs(details: dict[str, Any]) -> tuple[TensorSpec, ...]:
    return tuple(_spec(name, detail) for name, detail in details.items())


def _spec(name: str, detail: dict[str, Any]) -> TensorSpec:
    """Return the specification; a free axis is -1 in ``shape_signature`` and has no name."""
    sizes = (None if size < 0 else int(size) for size in detail["shape_signature"])
    return TensorSpec(name, np.dtype(detail["dtype"]).name, tuple(sizes))


RUNTIME = Runtime(
    "litert",
    ("litert",),
    PythonPackage(
        "ai-edge-litert",
        "ai_edge_litert",
        "runtimes",
        extra_modules=("ai_edge_litert.interpreter",),
    ),
    LiteRtPredictor,
)
