"""The manifest of a training on KubeRay: its schema, its command, and who reaches its pods."""

import copy
import shlex
from pathlib import Path
from typing import Any

import jsonschema  # comes with check-jsonschema
import pytest
from ruamel.yaml import YAML

from pipeline.config import read
from pipeline.config.schema import Config
from tests.support.clients_environment import in_clients, needs_clients
from tests.support.paths import PROJECT

FILE = PROJECT / "deploy" / "kubernetes" / "rayjob.yaml"
JOB, *POLICIES = YAML(typ="safe", pure=True).load_all(FILE)
CLUSTER = JOB["spec"]["rayClusterSpec"]
HEAD, [WORKERS] = CLUSTER["headGroupSpec"], CLUSTER["workerGroupSpecs"]
DASHBOARD, ANY_PORT = 8265, 34567
Labels = dict[str, str]

# Source: the reference of KubeRay's API and the guides of Ray. No package index has KubeRay's own
# schema, so these are the fields that the manifest uses; Kubernetes' classes check the pods.
TEXT = {"type": "string", "minLength": 1}
COUNT = {"type": "integer", "minimum": 0}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
POD = {"type": "object", "required": ["metadata", "spec"]}


def closed(**properties: Any) -> dict[str, Any]:
    """Return the schema of an object that has exactly these fields."""
    required = list(properties)
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


WORKER_GROUP = closed(
    groupName=TEXT,
    replicas=COUNT,
    minReplicas=COUNT,
    maxReplicas=COUNT,
    rayStartParams=TEXTS,
    template=POD,
)
RAY_CLUSTER = closed(
    rayVersion=TEXT,
    authOptions=closed(mode={"enum": ["disabled", "token"]}),
    headGroupSpec=closed(rayStartParams=TEXTS, template=POD),
    workerGroupSpecs={"type": "array", "items": WORKER_GROUP},
)
RAY_JOB = closed(
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayJob"},
    metadata=closed(name=TEXT),
    spec=closed(
        entrypoint=TEXT,
        submissionMode={"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode", "SidecarMode"]},
        backoffLimit=COUNT,
        shutdownAfterJobFinishes={"type": "boolean"},
        ttlSecondsAfterFinished=COUNT,
        submitterPodTemplate=POD,
        rayClusterSpec=RAY_CLUSTER,
    ),
)


def test_job_has_the_schema_of_kuberay() -> None:
    jsonschema.validate(JOB, RAY_JOB)


def test_wrong_fields_are_detected() -> None:
    for key, value in (("replica", 4), ("rayStartParams", {"num-cpus": 2})):
        wrong = copy.deepcopy(JOB)
        wrong["spec"]["rayClusterSpec"]["workerGroupSpecs"][0][key] = value
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, RAY_JOB)


_READ = """
import yaml
from kubernetes.client.models import V1NetworkPolicy, V1PodTemplateSpec
job, *policies = yaml.safe_load_all(open(file))
cluster = job["spec"]["rayClusterSpec"]
groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
for pod in [job["spec"]["submitterPodTemplate"], *(group["template"] for group in groups)]:
    V1PodTemplateSpec.model_validate(pod)
for policy in policies:
    V1NetworkPolicy.model_validate(policy)
print(len(policies))
"""


@pytest.mark.process
@needs_clients
def test_pods_and_policies_have_only_known_fields() -> None:
    assert in_clients(_READ, FILE) == len(POLICIES) == 2


@pytest.mark.process
@needs_clients
@pytest.mark.parametrize("known", ["mountPath", "runAsNonRoot", "fsGroup", "restartPolicy", "from"])
def test_unknown_field_is_detected(known: str, tmp_path: Path) -> None:
    wrong = tmp_path / "rayjob.yaml"
    wrong.write_text(FILE.read_text().replace(f"{known}:", f"{known}s:"))
    with pytest.raises(AssertionError, match=f"{known}s"):
        in_clients(_READ, wrong)


def config_of_the_job() -> tuple[Config, str]:
    """Return the configuration of the command, and its workspace."""
    program, verb, name, *settings, option, workspace = shlex.split(JOB["spec"]["entrypoint"])
    assert (program, verb, option) == ("pipeline", "run", "-C")
    return read(PROJECT / "configs" / f"{name}.yaml", settings), workspace


def test_cluster_has_room_for_exactly_the_workers() -> None:
    train = config_of_the_job()[0].train
    assert train.cluster == "auto"
    replicas = {WORKERS[key] for key in ("replicas", "minReplicas", "maxReplicas")}
    assert replicas == {train.workers}
    [container] = WORKERS["template"]["spec"]["containers"]
    processors = {resources["cpu"] for resources in container["resources"].values()}
    assert processors == {WORKERS["rayStartParams"]["num-cpus"]} == {str(train.threads)}
    assert HEAD["rayStartParams"]["num-cpus"] == "0"


def test_head_and_workers_share_the_workspace() -> None:
    workspace = config_of_the_job()[1]
    for group in (HEAD, WORKERS):
        pod = group["template"]["spec"]
        [container], [volume] = pod["containers"], pod["volumes"]
        mount = {"name": volume["name"], "mountPath": workspace}
        assert container["volumeMounts"] == [mount]
        assert volume["persistentVolumeClaim"] == {"claimName": "workspace"}
        assert container["securityContext"]["runAsNonRoot"]


def labels_of(template: dict[str, Any]) -> Labels:
    return dict(template["metadata"]["labels"])


OTHER_TRAINING = {"dense-pipeline/training": "other"}
PODS = {
    "head": labels_of(HEAD["template"]),
    "worker": labels_of(WORKERS["template"]),
    "submitter": labels_of(JOB["spec"]["submitterPodTemplate"]),
    "operator": {"app.kubernetes.io/component": "kuberay-operator"},
    "other": {"app": "other"},
    "worker of another training": {
        **labels_of(WORKERS["template"]),
        "dense-pipeline/training": "b",
    },
}


def selects(selector: dict[str, Any], labels: Labels) -> bool:
    """Return whether a selector has chosen a pod, as Kubernetes defines it."""
    equal = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    rules = selector.get("matchExpressions", [])
    assert {rule["operator"] for rule in rules} <= {"In"}
    return equal and all(labels.get(rule["key"]) in rule["values"] for rule in rules)


def reaches(source: str, target: str, port: int) -> bool:
    """Return whether the policies let one pod connect to another: each adds what it permits."""
    applied = [
        policy["spec"]
        for policy in POLICIES
        if selects(policy["spec"]["podSelector"], PODS[target])
    ]
    assert all(policy["policyTypes"] == ["Ingress"] for policy in applied)
    rules = [rule for policy in applied for rule in policy["ingress"]]
    return not applied or any(
        port in {allowed["port"] for allowed in rule.get("ports", [{"port": port}])}
        and any(selects(peer["podSelector"], PODS[source]) for peer in rule["from"])
        for rule in rules
    )


def test_only_head_and_workers_reach_the_ports_of_tensorflow() -> None:
    for target in ("head", "worker"):
        found = {source for source in PODS if reaches(source, target, ANY_PORT)}
        assert found == {"head", "worker"}


def test_submitter_and_operator_reach_only_the_dashboard() -> None:
    assert {pod for pod in PODS if reaches(pod, "head", DASHBOARD)} == {
        "head",
        "worker",
        "submitter",
        "operator",
    }
    assert {pod for pod in PODS if reaches(pod, "worker", DASHBOARD)} == {"head", "worker"}
    assert CLUSTER["authOptions"] == {"mode": "token"}
