"""Results -> JSON documents, as ``--json`` prints them."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.api import RunResult
    from pipeline.publishing.published import PublishedModel
    from pipeline.reasons import Reason


def run_document(result: "RunResult") -> dict[str, Any]:
    """Return what ``pipeline run --json`` prints."""
    published = result.published
    return {
        "name": result.name,
        "config": result.config.model_dump(mode="json"),
        "data": {
            key: result.data[key] for key in ("name", "source", "train", "validation", "test")
        },
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
        "metrics": result.metrics,
        "verification": result.verification,
        "published": published and {"path": str(published.path), "version": published.version},
    }


def models_document(models: "list[PublishedModel]") -> list[dict[str, Any]]:
    """Return what ``pipeline models --json`` prints."""
    return [
        {
            "name": model.name,
            "version": model.version,
            "path": str(model.path),
            "labels": list(model.labels),
            "formats": model.formats,
            "accuracy": model.manifest["metrics"]["test"]["accuracy"],
            "data": model.manifest["data"]["source"],
        }
        for model in models
    ]


def reasons_document(reasons: "list[Reason]") -> list[dict[str, Any]]:
    """Return what ``pipeline why --json`` prints."""
    return [
        {**asdict(reason), "compared_with": reason.compared_with and str(reason.compared_with)}
        for reason in reasons
    ]
