"""The example configurations for other servers match the published model."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from ruamel.yaml import YAML

from pipeline.artifacts.model_contract import SIGNATURE, Contract
from pipeline.publishing.published_folder import find_published, read_labels, versions_of
from pipeline.runtimes.registry import choose_runtime, open_model
from pipeline.serving.bearer_token import TOKEN_VARIABLE
from pipeline.serving.settings import MODEL_PORT, Limits
from pipeline.verification.comparing import Reference
from pipeline.verification.tolerances import FLOAT32_TOLERANCE
from tests.support.clients_environment import in_clients, needs_clients
from tests.support.command_line import command
from tests.support.containerfile import last_stage
from tests.support.paths import PROJECT

DEPLOY = PROJECT / "deploy"
NAME = "mlp"  # in the examples


@pytest.fixture(scope="session")
def contract(published: Path) -> Contract:
    return open_model(choose_runtime("onnxruntime"), published / "model.onnx").contract


@pytest.fixture(scope="session")
def images(reference: Reference) -> Any:
    return np.load(reference.images)[:50]


# Triton


def batchless(shape: tuple[int | str | None, ...]) -> list[int | str | None]:
    return list(shape[1:])


@needs_clients
def test_triton_config_matches_the_contract(contract: Contract) -> None:
    config = in_clients(
        "from google.protobuf import json_format, text_format\n"
        "from tritonclient.grpc.model_config_pb2 import ModelConfig\n"
        "config = text_format.Parse(open(file).read(), ModelConfig())\n"
        "print(json_format.MessageToJson(config, preserving_proto_field_name=True))",
        DEPLOY / "triton" / "config.pbtxt",
    )
    types = {"uint8": "TYPE_UINT8", "float32": "TYPE_FP32"}
    for specs, tensors in (
        (contract.inputs, config["input"]),
        (contract.outputs, config["output"]),
    ):
        assert [(t["name"], t["data_type"], [int(d) for d in t["dims"]]) for t in tensors] == [
            (spec.name, types[spec.dtype], batchless(spec.shape)) for spec in specs
        ]
        assert all(spec.shape[0] is None for spec in specs)  # max_batch_size implies it
    assert (config["name"], config["max_batch_size"]) == (NAME, 256)
    assert "dynamic_batching" in config
    assert config["default_model_filename"] == "model.onnx"


def test_published_folder_is_a_repository_for_all_servers(complete: Path) -> None:
    """Models are folders, versions are numbers without leading zeros, all else is files."""
    for model in (complete / "exported").iterdir():
        folders = [path.name for path in model.iterdir() if path.is_dir()]
        assert folders == [str(number) for number in versions_of(model)]
        for version in folders:
            names = {path.name for path in (model / version).iterdir()}
            assert {"saved_model.pb", "variables", "model.onnx", "model.xml", "model.bin"} <= names
            assert not {"model.savedmodel", "model.plan"} & names  # Triton would prefer them
            assert [name for name in names if name.endswith(".xml")] == ["model.xml"]


def test_config_in_the_model_folder_is_ignored(complete: Path, tmp_path: Path) -> None:
    model = tmp_path / "exported" / "smoke"
    shutil.copytree(complete / "exported" / "smoke", model)
    shutil.copy(DEPLOY / "triton" / "config.pbtxt", model)
    assert find_published(model).version == 1
    done = command("models", "-C", tmp_path, "--json")
    assert [found["version"] for found in json.loads(done.out)["models"]] == [1]


# TensorFlow Serving

# Source of names and numbers: TensorFlow Serving, model_server_config.proto and
# file_system_storage_path_source.proto. Its Python package would install another TensorFlow.
_SERVING = {
    "All": {},
    "Policy": {"all": ("All", 101)},
    "Label": {"key": ("string", 1), "value": ("int64", 2)},
    "ModelConfig": {
        "name": ("string", 1),
        "base_path": ("string", 2),
        "model_platform": ("string", 4),
        "model_version_policy": ("Policy", 7),
        "version_labels": ("*Label", 8),
    },
    "ModelConfigList": {"config": ("*ModelConfig", 1)},
    "ModelServerConfig": {"model_config_list": ("ModelConfigList", 1)},
}


def server_config_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="s.proto", package="s", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, fields in _SERVING.items():
        message = file.message_type.add(name=name)
        for field, (kind, number) in fields.items():
            label = kinds.LABEL_REPEATED if kind[0] == "*" else kinds.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, label=label)
            plain = kind.lstrip("*")
            if plain in _SERVING:
                added.type, added.type_name = kinds.TYPE_MESSAGE, f".s.{plain}"
            else:
                added.type = getattr(kinds, f"TYPE_{plain.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("s.ModelServerConfig"))


def test_tensorflow_serving_config_can_be_parsed(complete: Path) -> None:
    text = (DEPLOY / "tensorflow-serving" / "models.config").read_text()
    [model] = text_format.Parse(text, server_config_class()()).model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == (
        NAME,
        f"/models/{NAME}",
        "tensorflow",
    )
    assert model.model_version_policy.HasField("all")
    labels = {label.key: label.value for label in model.version_labels}
    assert labels == read_labels(complete / "exported" / "smoke")  # after a first run


def test_saved_model_runs_as_in_tensorflow_serving(
    published: Path, contract: Contract, images: Any, reference: Reference
) -> None:
    """A session runs the tensors of the signature in the graph tagged serve."""
    code = (
        "import json, sys, numpy as np, tensorflow as tf\n"
        "v1 = tf.compat.v1\n"
        "with v1.Session(graph=tf.Graph()) as session:\n"
        "    meta = v1.saved_model.loader.load(session, ['serve'], sys.argv[1])\n"
        "    signature = meta.signature_def[sys.argv[2]]\n"
        "    [(image, fed)] = signature.inputs.items()\n"
        "    [(name, fetched)] = signature.outputs.items()\n"
        "    predictions = session.run(fetched.name, {fed.name: np.load(sys.argv[3])[:50]})\n"
        "print(json.dumps([signature.method_name, image, fed.dtype, name, fetched.dtype,"
        " predictions.tolist()]))"
    )
    files = (str(published), SIGNATURE, str(reference.images))
    command = [sys.executable, "-W", "ignore", "-c", code, *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    method, image, taken, name, given, predictions = json.loads(done.stdout)
    assert method == "tensorflow/serving/predict"
    [input_spec], [output_spec] = contract.inputs, contract.outputs
    kinds = {"uint8": 4, "float32": 1}  # DT_UINT8, DT_FLOAT
    assert (image, taken) == (input_spec.name, kinds[input_spec.dtype])
    assert (name, given) == (output_spec.name, kinds[output_spec.dtype])
    expected = reference.probabilities[: len(images)]
    np.testing.assert_allclose(predictions, expected, rtol=0, atol=FLOAT32_TOLERANCE)


# OpenVINO Model Server


def test_openvino_config_compiles_the_published_model(
    published: Path, contract: Contract, images: Any, reference: Reference
) -> None:
    [entry] = json.loads((DEPLOY / "ovms" / "config.json").read_text())["model_config_list"]
    config = entry["config"]
    assert set(config) == {"name", "base_path", "model_version_policy", "plugin_config"}
    assert (config["name"], config["base_path"]) == (NAME, f"/models/{NAME}")
    code = (
        "import json, sys, numpy as np, openvino\n"
        "model = openvino.Core().compile_model(sys.argv[1], 'CPU', json.loads(sys.argv[2]))\n"
        "predictions = model({sys.argv[3]: np.load(sys.argv[4])[:50]})[sys.argv[5]]\n"
        "print(json.dumps(predictions.tolist()))"
    )
    [input_spec], [output_spec] = contract.inputs, contract.outputs
    settings = json.dumps(config["plugin_config"])
    done = subprocess.run(
        [sys.executable, "-c", code, published / "model.xml", settings, input_spec.name,
         reference.images, output_spec.name],
        capture_output=True,
        text=True,
        env={**os.environ, "CI": "true"},  # silences OpenVINO
        timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    expected = reference.probabilities[: len(images)]
    np.testing.assert_allclose(json.loads(done.stdout), expected, rtol=0, atol=FLOAT32_TOLERANCE)


# KServe


def services() -> list[dict[str, Any]]:
    return list(YAML(typ="safe", pure=True).load_all(DEPLOY / "kserve.yaml"))


# KServe's classes list their fields; Kubernetes' classes reject unknown fields.
_READ = """
import json, kserve.models, kubernetes.client.models, yaml
def read(kind, value):
    if kind.startswith("list["):
        return [read(kind[5:-1], item) for item in value]
    if hasattr(kubernetes.client.models, kind):
        getattr(kubernetes.client.models, kind).model_validate(value)
    elif hasattr(kserve.models, kind):
        known = getattr(kserve.models, kind)
        kinds = {known.attribute_map[name]: kind for name, kind in known.openapi_types.items()}
        known(**{name: value.get(key) for name, key in known.attribute_map.items()})
        for key, item in value.items():
            read(kinds[key], item)
    else:
        assert type(value).__name__ == kind, (kind, value)
for document in yaml.safe_load_all(open(file)):
    read("V1beta1InferenceService", document)
print("[]")
"""


@pytest.mark.process
@needs_clients
def test_kserve_manifest_has_only_known_fields() -> None:
    in_clients(_READ, DEPLOY / "kserve.yaml")


@pytest.mark.process
@needs_clients
@pytest.mark.parametrize(
    "known", ["protocolVersion", "readinessProbe", "mountPath", "runAsNonRoot"]
)
def test_unknown_field_in_the_kserve_manifest_is_detected(known: str, tmp_path: Path) -> None:
    wrong = tmp_path / "kserve.yaml"
    wrong.write_text((DEPLOY / "kserve.yaml").read_text().replace(f"{known}:", f"{known}s:"))
    with pytest.raises(AssertionError, match=f"{known}s"):
        in_clients(_READ, wrong)


def test_kserve_manifest_fits_the_server_and_container() -> None:
    own, triton = (service["spec"]["predictor"] for service in services())
    [container] = own["containers"]
    assert container["ports"][0]["containerPort"] == MODEL_PORT
    assert {
        probe["httpGet"]["port"]
        for probe in (container["readinessProbe"], container["livenessProbe"])
    } == {MODEL_PORT}
    assert container["env"][0]["name"] == TOKEN_VARIABLE
    name, option, drain_seconds = container["args"]
    assert (name, option) == (NAME, "--drain-seconds")
    stragglers = 5
    grace = own["terminationGracePeriodSeconds"]
    assert grace > float(drain_seconds) + Limits().shutdown_seconds + stragglers
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts == {"exported": f"{last_stage()['WORKDIR']}/exported", "tmp": "/tmp"}  # noqa: S108
    assert set(mounts) == {volume["name"] for volume in own["volumes"]}
    assert triton["model"]["protocolVersion"] == "v2"
    assert triton["model"]["storageUri"] == "pvc://models"
