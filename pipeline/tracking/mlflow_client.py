"""Send events to MLflow, each once: what the server has already is looked up first.

Only this module, ``registration`` and ``onnx_model`` import MLflow.
"""

from collections.abc import Iterable
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run

from pipeline.config.tracking_uri import LOCAL
from pipeline.tracking.events import Event
from pipeline.tracking.registration import RUN_TAG, Registration

_MAX_BATCH = 100  # of MLflow, for parameters


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
        self._log_parameters()
        self._log_metrics(events)
        problems = [self._log_report(event) for event in events if event["event"] == "report"]
        problems += [self._register(event) for event in events if event["event"] == "model"]
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
        started = self.described["time"]
        return self.client.create_run(identifier, started, {RUN_TAG: run}, run_name=run)

    def _log_parameters(self) -> None:
        known, values = self.run.data.params, self.described["params"].items()
        parameters = [Param(key, str(value)) for key, value in values if key not in known]
        for start in range(0, len(parameters), _MAX_BATCH):
            self.client.log_batch(self.run_id, params=parameters[start : start + _MAX_BATCH])

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

    def _log_report(self, event: Event) -> str:
        path = self.workspace / event["path"]
        if not path.is_file():
            return f"{event['path']} is missing: it was removed before it was sent."
        self.client.log_artifact(self.run_id, str(path))
        return ""

    def _register(self, event: Event) -> str:
        folder = self.workspace / "exported" / self.described["name"] / str(event["version"])
        return Registration(self.client, self.run, self.uri).register(folder)


def _destination(uri: str, workspace: Path) -> tuple[str, str | None]:
    """Return MLflow's URI, and where artifacts are stored, None if a server decides."""
    if uri == LOCAL:
        uri = f"sqlite:///{workspace / 'runs' / 'mlflow.db'}"
    if not uri.startswith("sqlite:///"):
        return uri, None
    file = workspace / uri.removeprefix("sqlite:///")
    file.parent.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{file}", (file.parent / "mlflow-artifacts").absolute().as_uri()
