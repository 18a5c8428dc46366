"""The stage ``publish``: what is proven and good enough becomes a version."""

from pathlib import Path

import numpy as np

from pipeline.artifacts.contract import ENCODED_SIGNATURE, SIGNATURE
from pipeline.artifacts.data_set import TEST_PROBABILITIES_FILE, read_data
from pipeline.artifacts.formats import artifact_name
from pipeline.engine.context import Context, Facts
from pipeline.publishing.golden import Golden, record
from pipeline.publishing.publish import Candidate, publish, require_accuracy


def run(context: Context, folder: Path) -> Facts:
    """Pass the last gate and add a version.

    Raises:
        AccuracyTooLow: the model is below what the configuration asks for.
    """
    del folder  # the version is written to its own place
    settings, sampled = context.config.publish, context.source.sampled
    key = "publish.min_accuracy_on_sample" if sampled else "publish.min_accuracy"
    minimum = settings.min_accuracy_on_sample if sampled else settings.min_accuracy
    require_accuracy(
        context.outputs["evaluate"].facts["metrics"]["validation"]["accuracy"], minimum, key
    )
    published = publish(
        Candidate(
            context.fingerprints["publish"],
            context.outputs["export"],
            _description(context),
            _golden(context),
        ),
        context.workspace.exported / context.config.name,
        label=settings.label,
        again=context.forced,
    )
    return {
        "name": published.name,
        "version": published.version,
        "summary": f"{published.name} version {published.version}",
    }


def _golden(context: Context) -> Golden:
    """Return a few test images and what the trained Keras model answered to them."""
    test = read_data(context.outputs["data"].path).test
    answers = np.load(context.outputs["evaluate"].path / TEST_PROBABILITIES_FILE)
    return record(test.images, test.labels, answers)


def _description(context: Context) -> Facts:
    """Collect what the manifest of a published version says besides its files."""
    outputs = context.outputs
    data, train_facts = outputs["data"], outputs["train"].facts
    packages = {
        name: version
        for stage in outputs.values()
        for name, version in stage.manifest["ingredients"]["packages"].items()
    }
    names = [artifact_name(name) for name in outputs["verify"].facts["formats"]]
    test_file = data.manifest["outputs"]["test_images.npy"]
    return {
        "name": context.config.name,
        "task": context.config.task,
        "formats": outputs["verify"].facts["formats"],
        "contract": outputs["export"].facts["contract"],
        "class_names": data.facts["class_names"],
        "config": context.config.model_dump(mode="json"),
        "data": {
            **{key: data.facts[key] for key in ("name", "source", "origin")},
            **{split: data.facts[split] for split in ("train", "validation", "test")},
            "sampled": context.source.sampled,
            "test_sha256": test_file["sha256"],
        },
        "parameters": train_facts["parameters"],
        "metrics": outputs["evaluate"].facts["metrics"],
        "verification": [c for c in outputs["verify"].facts["checks"] if c["artifact"] in names],
        "copies": outputs["verify"].facts["copies"],
        "signatures": [SIGNATURE, ENCODED_SIGNATURE],
        "stages": {name: output.fingerprint for name, output in outputs.items()},
        "versions": dict(sorted(packages.items())),
    }
