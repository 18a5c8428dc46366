"""The signatures of a model, as TensorFlow Serving names and describes them."""

from typing import Any

from pipeline.artifacts.model_contract import (
    ENCODED_INPUT,
    ENCODED_SIGNATURE,
    SIGNATURE,
    Contract,
    TensorSpec,
)
from pipeline.imaging.resizing import MODES
from pipeline.serving.errors import bad_request

_DTYPES = {"uint8": "DT_UINT8", "float32": "DT_FLOAT", "string": "DT_STRING"}
_FILES = TensorSpec(ENCODED_INPUT, "string", (None,))
METHOD = "tensorflow/serving/predict"


def require_signature(name: str) -> None:
    """Check that a signature exists; the empty name means the default one.

    Raises:
        ServingError: (400) there is no such signature.
    """
    if name not in {SIGNATURE, ENCODED_SIGNATURE, ""}:
        raise bad_request(
            f'Serving signature name: "{name[:100]}" not found in signature def. Use {SIGNATURE}, '
            f"{ENCODED_SIGNATURE} for image files of the model's size, or :classify-image for any "
            "picture file."
        )


def describe_signatures(contract: Contract) -> dict[str, Any]:
    """Return the signatures by name, as TensorFlow's SignatureDef in JSON."""
    found = {SIGNATURE: _signature(contract.inputs, contract.outputs)}
    if contract.image_shape[-1] in MODES:
        found[ENCODED_SIGNATURE] = _signature((_FILES,), contract.outputs)
    return found


def _signature(inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> dict[str, Any]:
    return {
        "inputs": {spec.name: _tensor_info(spec) for spec in inputs},
        "outputs": {spec.name: _tensor_info(spec) for spec in outputs},
        "method_name": METHOD,
    }


def _tensor_info(spec: TensorSpec) -> dict[str, Any]:
    """Return TensorFlow's TensorInfo in JSON, where 64-bit integers are strings."""
    sizes = ("-1" if size is None else str(size) for size in spec.shape)
    return {
        "dtype": _DTYPES[spec.dtype],
        "tensor_shape": {
            "dim": [{"size": size, "name": ""} for size in sizes],
            "unknown_rank": False,
        },
        "name": f"{spec.name}:0",
    }
