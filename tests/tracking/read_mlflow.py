"""Print what MLflow has stored at a URI as JSON; runs in ``.venv-mlflow``."""

import json
import sys
from typing import Any

import mlflow
import numpy as np
from mlflow import MlflowClient


def stored_run(client: MlflowClient, run: Any) -> dict[str, Any]:
    identifier = run.info.run_id
    return {
        "tag": run.data.tags["pipeline.run"],
        "status": run.info.status,
        "params": run.data.params,
        "metrics": {
            key: [(one.step, one.value) for one in client.get_metric_history(identifier, key)]
            for key in run.data.metrics
        },
        "artifacts": [one.path for one in client.list_artifacts(identifier)],
    }


def stored_version(client: MlflowClient, version: Any, images: str) -> dict[str, Any]:
    found = client.get_model_version(version.name, version.version)
    model = mlflow.pyfunc.load_model(f"models:/{found.name}/{found.version}")
    answer = model.predict({"image": np.load(images)})
    return {
        "tags": found.tags,
        "aliases": list(found.aliases),
        "inputs": model.metadata.signature.inputs.to_dict(),
        "probabilities": np.asarray(answer["probabilities"]).tolist(),
    }


def main(uri: str, name: str, images: str) -> None:
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    client = MlflowClient()
    experiment = client.get_experiment_by_name(name)
    runs = client.search_runs([experiment.experiment_id]) if experiment else []
    versions = client.search_model_versions(f"name = '{name}'")
    document = {
        "runs": [stored_run(client, run) for run in runs],
        "versions": [stored_version(client, one, images) for one in versions],
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main(*sys.argv[1:])
