"""A comparison as plain values: the document of ``pipeline compare --json``."""

from typing import Any

from pipeline.artifacts.serialization import to_json
from pipeline.comparison.comparing import Comparison
from pipeline.comparison.pairs import Pair
from pipeline.comparison.sides import Member, Side


def comparison_document(comparison: Comparison, failure: Exception | None = None) -> dict[str, Any]:
    """Return the document; ``failure`` is the error of a side that is significantly worse.

    Lists in ``differences``, ``metrics``, ``curves`` and ``runtimes`` are in the order of the
    sides.
    """
    return {
        "sides": [_side(side) for side in comparison.sides],
        "differences": {key: list(row) for key, row in comparison.differences.items()},
        "metrics": to_json(comparison.metrics),
        "comparisons": [_pair(pair) for pair in comparison.pairs],
        "curves": to_json(comparison.curves),
        "runtimes": to_json(comparison.runtimes),
        "fail_if_worse": to_json(comparison.verdict),
        "error": failure and str(failure),
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "kind": side.kind,
        "description": side.description,
        "config": dict(side.first.config),
        "test_images": side.first.metrics.images,
        "networks": [_member(member) for member in side.members],
        "notes": list(side.notes),
    }


def _member(member: Member) -> dict[str, Any]:
    metrics = {**member.metrics.scores, "loss": member.metrics.loss}
    return {
        "name": member.name,
        "seed": member.seed,
        "parameters": member.parameters,
        "metrics": to_json(metrics),
        "history": to_json(list(member.history)),
        "checks": [check.as_json() for check in member.checks],
    }


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "first": pair.first.name,
        "side": pair.other.name,
        "files": to_json(pair.files),
        "seeds": to_json(pair.seeds),
    }
