"""The published ONNX file as a model of MLflow, with the signature of its contract."""

import importlib.metadata
from pathlib import Path

import mlflow.onnx
import numpy as np
import onnx
from mlflow.entities import Run
from mlflow.models import Model, ModelSignature
from mlflow.models.model import ModelInfo
from mlflow.types import Schema, TensorSpec

_PACKAGES = ("onnx", "onnxruntime", "numpy")


def log_onnx_model(folder: Path, run: Run, uri: str) -> ModelInfo:
    """Log ``model.onnx`` as a model of a run, and return its URI and id."""
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    mlflow.set_experiment(experiment_id=run.info.experiment_id)  # else the model is in another
    network = onnx.load(folder / "model.onnx")
    # Named packages: otherwise MLflow loads the model in another process to find them out.
    requirements = [f"{name}=={importlib.metadata.version(name)}" for name in _PACKAGES]
    return Model.log(
        artifact_path=None,
        name="model",
        flavor=mlflow.onnx,
        run_id=run.info.run_id,
        onnx_model=network,
        signature=_signature(network),
        pip_requirements=requirements,
    )


def _signature(network: onnx.ModelProto) -> ModelSignature:
    return ModelSignature(
        Schema([_tensor(one) for one in network.graph.input]),
        Schema([_tensor(one) for one in network.graph.output]),
    )


def _tensor(described: onnx.ValueInfoProto) -> TensorSpec:
    """Return the name, dtype and shape of an input or output; -1 is a free axis."""
    tensor = described.type.tensor_type
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type))
    shape = [axis.dim_value if axis.HasField("dim_value") else -1 for axis in tensor.shape.dim]
    return TensorSpec(dtype, shape, described.name)
