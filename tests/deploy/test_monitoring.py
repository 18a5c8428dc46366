"""The examples for Prometheus and Grafana: their schemas, and the metrics that they name."""

import json
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # comes with check-jsonschema
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from pipeline.tasks.answers import Answers
from tests.support.paths import PROJECT
from tests.support.servers import serving

RULES_FILE = PROJECT / "deploy" / "prometheus" / "alerts.yml"
UNIT_TESTS = PROJECT / "tests" / "deploy" / "alerts_test.yml"
DASHBOARD = json.loads((PROJECT / "deploy" / "grafana" / "dashboard.json").read_text())
RULES = YAML(typ="safe", pure=True).load(RULES_FILE)
OF_PROMETHEUS = {"instance", "job"}  # labels that it adds when it reads the metrics
KEYWORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "bool", "offset"}
FUNCTIONS = {"sum", "max", "rate", "increase", "histogram_quantile", "label_values"}
TEXT = {"type": "string", "minLength": 1}
DURATION = {"type": "string", "pattern": "^([0-9]+(ms|[smhdwy]))+$"}
TEXTS = {
    "type": "object",
    "propertyNames": {"pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$"},
    "additionalProperties": TEXT,
}


def closed(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    properties = {**required, **(optional or {})}
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def list_of(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1}


# Source: Prometheus, "Alerting rules" and "Recording rules"; unknown keys are errors.
ALERT = closed(
    {"alert": TEXT, "expr": TEXT},
    {"for": DURATION, "keep_firing_for": DURATION, "labels": TEXTS, "annotations": TEXTS},
)
RULES_SCHEMA = closed(
    {"groups": list_of(closed({"name": TEXT, "rules": list_of(ALERT)}, {"interval": DURATION}))}
)
# Source: Grafana, "Dashboard JSON model".
SOURCE = closed({"type": {"const": "prometheus"}, "uid": {"const": "${datasource}"}})
NUMBER = {"type": "integer", "minimum": 0}
STEPS = list_of(closed({"color": TEXT, "value": {"type": ["number", "null"]}}))
DEFAULTS = closed(
    {"unit": TEXT, "min": {"type": "number"}},
    {
        "thresholds": closed({"mode": {"enum": ["absolute", "percentage"]}, "steps": STEPS}),
        "custom": {"type": "object"},
    },
)
TARGET = closed(
    {"refId": {"pattern": "^[A-Z]$"}, "datasource": SOURCE, "expr": TEXT, "legendFormat": {}},
    {"format": {"enum": ["time_series", "table", "heatmap"]}, "instant": {"type": "boolean"}},
)
PANEL = closed(
    {
        "id": {"type": "integer", "minimum": 1},
        "type": {"enum": ["timeseries", "stat", "table"]},
        "title": TEXT,
        "datasource": SOURCE,
        "gridPos": closed({"h": NUMBER, "w": NUMBER, "x": NUMBER, "y": NUMBER}),
        "targets": list_of(TARGET),
        "fieldConfig": closed({"defaults": DEFAULTS, "overrides": {"type": "array"}}),
    },
    {"description": TEXT, "options": {"type": "object"}},
)
VARIABLE = {
    "type": "object",
    "required": ["name", "type", "query"],
    "properties": {"name": TEXT, "type": {"enum": ["datasource", "query"]}},
}
DASHBOARD_SCHEMA = {
    "type": "object",
    "required": ["title", "uid", "schemaVersion", "panels", "templating", "time"],
    "properties": {
        "title": TEXT,
        "uid": {"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,40}$"},
        "schemaVersion": {"type": "integer", "minimum": 36},
        "time": closed({"from": TEXT, "to": TEXT}),
        "templating": closed({"list": list_of(VARIABLE)}),
        "panels": list_of(PANEL),
    },
}


def test_alert_rules_have_the_schema_of_prometheus() -> None:
    jsonschema.validate(RULES, RULES_SCHEMA)
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names)) >= 5


def test_dashboard_has_the_schema_of_grafana() -> None:
    jsonschema.validate(DASHBOARD, DASHBOARD_SCHEMA)
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    for panel in DASHBOARD["panels"]:
        references = [target["refId"] for target in panel["targets"]]
        assert len(references) == len(set(references))


def test_panels_fit_into_the_grid_without_overlapping() -> None:
    taken = np.zeros((200, 24), int)
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        taken[at["y"] : at["y"] + at["h"], at["x"] : at["x"] + at["w"]] += 1
    assert taken.max() == 1


def test_variables_of_the_dashboard_are_defined() -> None:
    named = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD)))
    defined = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    assert named == defined | {"__rate_interval", "__all"}


@pytest.fixture(scope="module")
def exposed(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The labels of each metric of a server that has answered images and pictures."""
    [data] = (smoke / "runs" / "data").iterdir()
    images = np.load(data / "test_images.npy")
    found: dict[str, set[str]] = defaultdict(set)
    with serving(smoke, "--no-grpc", log=tmp_path_factory.mktemp("monitored") / "log") as server:
        assert server.predict({"instances": images[:400].tolist()}).ok
        picture = (PROJECT / "samples" / "seven.png").read_bytes()
        assert server.post("/v1/models/smoke:classify-image", data=picture).ok
        text = server.get("/metrics").text
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] |= set(sample.labels)
    return found


def rules() -> Iterator[dict[str, Any]]:
    for group in RULES["groups"]:
        yield from group["rules"]


def expressions() -> list[str]:
    found = [rule["expr"] for rule in rules()]
    found += [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    queries = [variable["query"] for variable in DASHBOARD["templating"]["list"]]
    return found + [query["query"] for query in queries if isinstance(query, dict)]


def unknown_names(expression: str, exposed: dict[str, set[str]]) -> set[str]:
    """Return the metrics and labels in an expression that the server does not have."""
    unquoted = re.sub(r'"[^"]*"', '""', expression)
    metrics = set(re.findall(r"\bpipeline_\w+", unquoted))
    labels = set().union(*(exposed.get(name, set()) for name in metrics)) | OF_PROMETHEUS
    rest = re.sub(r"\[[^\]]*\]|\bpipeline_\w+", "", unquoted)
    return (metrics - set(exposed)) | (
        set(re.findall(r"[a-z_]\w*", rest)) - labels - KEYWORDS - FUNCTIONS
    )


@pytest.mark.server
def test_expressions_name_only_metrics_and_labels_of_the_server(
    exposed: dict[str, set[str]],
) -> None:
    assert len(expressions()) >= 15
    for expression in expressions():
        assert "pipeline_" in expression
        assert not unknown_names(expression, exposed), expression
        assert all(expression.count(a) == expression.count(b) for a, b in ("()", "[]", "{}"))
    assert unknown_names("pipeline_drift_pis > 1", exposed) == {"pipeline_drift_pis"}
    assert unknown_names('pipeline_drift_psi{modell="a"} > 1', exposed) == {"modell"}


@pytest.mark.server
def test_texts_name_only_labels_of_their_expressions(exposed: dict[str, set[str]]) -> None:
    for rule in rules():
        named = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
        assert named <= labels_left(rule["expr"], exposed), rule["alert"]
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            named = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            assert named <= labels_left(target["expr"], exposed), panel["title"]


def labels_left(expression: str, exposed: dict[str, set[str]]) -> set[str]:
    """Return the labels of the result: those that are summed by, or else those of the metric."""
    grouped = re.search(r"\bby \(([^)]*)\)", expression)
    if grouped:
        return set(re.split(r",\s*", grouped[1]))
    [metric] = set(re.findall(r"\bpipeline_\w+", expression))
    return exposed[metric] | OF_PROMETHEUS


@pytest.mark.server
def test_every_metric_of_answers_is_on_the_dashboard(exposed: dict[str, set[str]]) -> None:
    shown = " ".join(expressions())
    bases = {re.sub(r"_(bucket|count|sum|created)$", "", name) for name in exposed}
    ours = {base for base in bases if re.match(r"pipeline_(answer|input|picture|drift)", base)}
    assert {base for base in ours if not base.endswith("_created") and base not in shown} == set()
    assert len(ours) >= 6
    assert set(Answers.__annotations__) == {"answer", "confidence", "intensity"}


@pytest.mark.process
@pytest.mark.skipif(shutil.which("promtool") is None, reason="apt-get install prometheus")
@pytest.mark.parametrize("command", [("check", RULES_FILE), ("test", UNIT_TESTS)])
def test_promtool_accepts_the_rules(command: tuple[str, Path]) -> None:
    verb, file = command
    done = subprocess.run(
        ["promtool", verb, "rules", file], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
