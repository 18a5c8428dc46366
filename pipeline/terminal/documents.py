"""Convert results to the JSON documents that ``--json`` prints."""

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pipeline.artifacts.checks import Check

if TYPE_CHECKING:
    from pipeline.artifacts.metrics import Metrics
    from pipeline.commands.predict import Prediction
    from pipeline.commands.why import Reason
    from pipeline.errors import ModelError
    from pipeline.gradcheck.report import GradientCheck
    from pipeline.publishing.publication import Publication
    from pipeline.publishing.published_folder import PublishedModel
    from pipeline.results.run_result import RunResult
    from pipeline.results.summaries import SplitMetrics
    from pipeline.serving.settings import Settings


def run_document(result: "RunResult") -> dict[str, Any]:
    """Return the document of ``pipeline run --json``."""
    return {
        "name": result.name,
        "config": result.config.model_dump(mode="json"),
        "data": asdict(result.data),
        "parameters": result.parameters,
        "stages": [
            {
                "name": stage.name,
                "status": stage.status,
                "seconds": stage.seconds,
                "fingerprint": stage.output.fingerprint,
                "path": str(stage.output.path),
            }
            for stage in result.stages
        ],
        "metrics": {split: _metrics(values) for split, values in result.metrics.items()},
        "verification": [check.as_json() for check in result.verification],
        "published": result.publication and _publication(result.publication),
    }


def _publication(publication: "Publication") -> dict[str, Any]:
    """Return the version of a run, whether it is new, and what its label refers to."""
    return {
        "path": str(publication.model.path),
        "version": publication.model.version,
        "status": publication.status,
        "label": publication.label,
        "label_before": publication.label_before,
        "label_now": publication.label_now,
    }


def _headline(metrics: "Metrics") -> dict[str, float | None]:
    """Return the first score by its name, and the key "accuracy" in any case."""
    name, value = metrics.headline
    return {"accuracy": None, name: value}


def _metrics(values: "SplitMetrics") -> dict[str, Any]:
    """Return the first score and the loss, as accuracy and loss, and the score of the baseline."""
    name, score = next(iter(values.scores.items()))
    return {name: score, "loss": values.loss, "baseline": {name: values.baseline[name]}}


def verification_document(checks: "list[Check]", failure: Exception | None) -> dict[str, Any]:
    """Return the document of ``pipeline verify --json``."""
    return {
        "passed": failure is None,
        "checks": [check.as_json() for check in checks],
        "error": failure and str(failure),
    }


def models_document(models: "list[PublishedModel]", broken: "list[ModelError]") -> dict[str, Any]:
    """Return the document of ``pipeline models --json``."""
    listed = [
        {
            "name": model.name,
            "version": model.version,
            "path": str(model.path),
            "labels": list(model.labels),
            "pinned": list(model.pinned),
            "formats": model.formats,
            **_headline(model.manifest.metrics["test"]),
            "data": model.manifest.data.source,
        }
        for model in models
    ]
    return {"models": listed, "broken": [str(error) for error in broken]}


def predictions_document(predictions: "list[Prediction]") -> list[dict[str, Any]]:
    """Return the document of ``pipeline predict --json``, without fields of other tasks."""
    absent = {"value", "is_value"}, {"label", "probability", "probabilities", "is_value"}
    return [
        {
            name: value if name != "digits" else [_without_absent(asdict(each)) for each in value]
            for name, value in vars(prediction).items()
            if name not in absent[prediction.is_value] and (name != "digits" or value is not None)
        }
        for prediction in predictions
    ]


def _without_absent(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def serving_document(settings: "Settings") -> dict[str, Any]:
    """Return the document of ``pipeline serve --json``, printed once its ports are open."""
    return {
        "url": settings.url,
        "grpc": settings.grpc_address,
        "workers": settings.workers,
        "pid": os.getpid(),
    }


def gradients_document(result: "GradientCheck") -> dict[str, Any]:
    """Return the document of ``pipeline gradcheck --json``."""
    rows = [{**asdict(row), "passed": row.passed} for row in result.gradients]
    updates = [{**asdict(row), "passed": row.compared.passed} for row in result.updates]
    document = {**asdict(result), "gradients": rows, "updates": updates}
    return {**document, "passed": result.passed}


def reasons_document(reasons: "list[Reason]") -> list[dict[str, Any]]:
    """Return the document of ``pipeline why --json``."""
    return [
        {**asdict(reason), "compared_with": reason.compared_with and str(reason.compared_with)}
        for reason in reasons
    ]
