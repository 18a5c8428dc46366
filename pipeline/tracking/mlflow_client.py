"""Events to MLflow, each once: what the server has already is looked up first.

The only module that imports MLflow (``pip install 'dense-pipeline[mlflow]'``).
"""

import re
from collections.abc import Iterable
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from pipeline.config.tracking_uri import LOCAL
from pipeline.errors import PipelineError
from pipeline.publishing.published_folder import read_labels, read_version
from pipeline.tracking.journal import Event
from pipeline.tracking.onnx_model import log_onnx_model

RUN_TAG = "pipeline.run"
VERSION_TAG = "pipeline.version"
_DOCUMENTS = {".html", ".md", ".json", ".csv", ".svg", ".png"}
_MAX_BATCH = 100  # of MLflow, for parameters
_RESERVED = re.compile(r"latest|v\d+", re.IGNORECASE)  # MLflow refuses these aliases


class MlflowRun:
    """The run of MLflow that stands for one of ours: it has the id of ours as a tag."""

    def __init__(self, described: Event, workspace: Path) -> None:
        self.described, self.workspace = described, workspace
        uri, artifacts = _destination(described["uri"], workspace)
        self.uri = uri
        self.client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        self.run = self._find(artifacts)
        self.run_id: str = self.run.info.run_id

    @classmethod
    def of(cls, events: Iterable[Event], workspace: Path) -> "MlflowRun":
        """Find or create the run that a journal describes.

        Raises:
            ValueError: the line that describes it is damaged.
        """
        described = next((event for event in events if event["event"] == "run"), None)
        if described is None:
            raise ValueError("the journal does not say which run it is of; remove it")
        return cls(described, workspace)

    def send(self, events: list[Event]) -> str:
        """Send events; return what could not be sent and never will, or ""."""
        self._log_metrics(events)
        problems = [self._publish(event) for event in events if event["event"] == "model"]
        self._set_status(events)
        return " ".join(filter(None, problems))

    def _find(self, artifacts: str | None) -> Run:
        name, run = self.described["name"], self.described["run"]
        experiment = self.client.get_experiment_by_name(name)
        if experiment is None:
            identifier = self.client.create_experiment(name, artifact_location=artifacts)
        else:
            identifier = experiment.experiment_id
        query = f"tags.`{RUN_TAG}` = '{run}'"
        found = self.client.search_runs([identifier], query, order_by=["start_time"])
        if found:
            return found[0]
        tags = {RUN_TAG: run, **self.described["tags"]}
        created = self.client.create_run(identifier, self.described["time"], tags, run_name=run)
        parameters = [Param(key, str(value)) for key, value in self.described["params"].items()]
        for start in range(0, len(parameters), _MAX_BATCH):
            batch = parameters[start : start + _MAX_BATCH]
            self.client.log_batch(created.info.run_id, params=batch)
        return created

    def _log_metrics(self, events: list[Event]) -> None:
        """Log each metric once for each step: a resumed training reports earlier epochs again."""
        wanted: dict[tuple[str, int], Metric] = {}
        for event in events:
            for key, value in event.get("metrics", {}).items():
                metric = Metric(key, value, event["time"], event["step"])
                wanted.setdefault((key, event["step"]), metric)
        for key in {key for key, _ in wanted}:
            for known in self.client.get_metric_history(self.run_id, key):
                wanted.pop((key, known.step), None)
        metrics = list(wanted.values())
        for start in range(0, len(metrics), _MAX_BATCH):
            self.client.log_batch(self.run_id, metrics=metrics[start : start + _MAX_BATCH])

    def _set_status(self, events: list[Event]) -> None:
        states = [event for event in events if event["event"] in {"run", "end"}]
        if states and states[-1]["event"] == "end":
            self.client.set_terminated(self.run_id, states[-1]["status"], states[-1]["time"])
        elif states:
            self.client.update_run(self.run_id, "RUNNING")

    def _publish(self, event: Event) -> str:
        """Register a published version; return what is missing."""
        model_folder = self.workspace / "exported" / self.described["name"]
        folder = model_folder / str(event["version"])
        try:
            model = read_version(folder)
            model.require_unaltered()
            labels = read_labels(model_folder)
        except PipelineError as error:
            return f"Version {event['version']} is not registered: {error}"
        for path in sorted(folder.iterdir()):
            if path.suffix in _DOCUMENTS and path.is_file():
                self.client.log_artifact(self.run_id, str(path))
        if "onnx" in model.formats:
            self._register(model.name, folder, event["version"])
        return self._set_aliases(model.name, labels)

    def _register(self, name: str, folder: Path, version: int) -> None:
        try:
            self.client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        if self._registered(name).get(version) is None:
            logged = log_onnx_model(folder, self.run, self.uri)
            tags = {VERSION_TAG: str(version), RUN_TAG: self.described["run"]}
            self.client.create_model_version(
                name, logged.model_uri, self.run_id, tags=tags, model_id=logged.model_id
            )

    def _registered(self, name: str) -> dict[int, ModelVersion]:
        """Return the versions of MLflow by the number of ours."""
        found = self.client.search_model_versions(f"name = '{name}'")
        return {int(one.tags[VERSION_TAG]): one for one in found if VERSION_TAG in one.tags}

    def _set_aliases(self, name: str, labels: dict[str, int]) -> str:
        registered = self._registered(name)
        refused = [label for label in labels if _RESERVED.fullmatch(label)]
        for label, version in labels.items():
            if label not in refused and version in registered:
                number = registered[version].version
                self.client.set_registered_model_alias(name, label, number)
        return f"MLflow reserves the alias {', '.join(refused)}." if refused else ""


def _destination(uri: str, workspace: Path) -> tuple[str, str | None]:
    """Return MLflow's URI, and where artifacts are stored, None if a server decides."""
    if uri == LOCAL:
        uri = f"sqlite:///{workspace / 'runs' / 'mlflow.db'}"
    if not uri.startswith("sqlite:///"):
        return uri, None
    file = workspace / uri.removeprefix("sqlite:///")
    file.parent.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{file}", (file.parent / "mlflow-artifacts").absolute().as_uri()
