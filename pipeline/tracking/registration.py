"""A published version in MLflow: its documents, the registered ONNX model, labels as aliases."""

import re
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from pipeline.errors import PipelineError
from pipeline.publishing.published_folder import CARD, MANIFEST, read_labels, read_version
from pipeline.tracking.onnx_model import log_onnx_model

RUN_TAG = "pipeline.run"
VERSION_TAG = "pipeline.version"
_RESERVED = re.compile(r"latest|v\d+", re.IGNORECASE)  # MLflow refuses these aliases


@dataclass(frozen=True)
class Registration:
    """Registers versions that a run of MLflow has published; ``uri`` is that of MLflow."""

    client: MlflowClient
    run: Run
    uri: str

    def register(self, folder: Path) -> str:
        """Register the version in a folder; return what is missing and always will be, or ""."""
        try:
            model = read_version(folder)
            model.require_unaltered()
            labels = read_labels(folder.parent)
        except PipelineError as error:
            return f"Version {folder.name} is not registered: {error}"
        for name in (CARD, MANIFEST):
            self.client.log_artifact(self.run.info.run_id, str(folder / name))
        if "onnx" in model.formats:
            self._add_version(model.name, model.version, folder)
        return self._set_aliases(model.name, labels)

    def _add_version(self, name: str, version: int, folder: Path) -> None:
        try:
            self.client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        if version not in self._versions(name):
            logged = log_onnx_model(folder, self.run, self.uri)
            tags = {VERSION_TAG: str(version), RUN_TAG: self.run.data.tags[RUN_TAG]}
            self.client.create_model_version(
                name, logged.model_uri, self.run.info.run_id, tags=tags, model_id=logged.model_id
            )

    def _versions(self, name: str) -> dict[int, ModelVersion]:
        """Return the versions of MLflow by the number of ours."""
        found = self.client.search_model_versions(f"name = '{name}'")
        return {int(one.tags[VERSION_TAG]): one for one in found if VERSION_TAG in one.tags}

    def _set_aliases(self, name: str, labels: dict[str, int]) -> str:
        versions = self._versions(name)
        refused = [label for label in labels if _RESERVED.fullmatch(label)]
        for label, version in labels.items():
            if label not in refused and version in versions:
                number = versions[version].version
                self.client.set_registered_model_alias(name, label, number)
        return f"MLflow reserves the alias {', '.join(refused)}." if refused else ""
