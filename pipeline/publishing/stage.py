"""The stage ``publish``: add a version."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.answer_distribution import AnswerDistribution
from pipeline.artifacts.data_set import (
    ALLOWED_FILE,
    TEST_PROBABILITIES_FILE,
    read_data,
    split_file,
)
from pipeline.artifacts.formats import artifact_name
from pipeline.artifacts.metrics import Interval
from pipeline.artifacts.model_contract import ENCODED_SIGNATURE, SIGNATURE
from pipeline.artifacts.preprocessing import preprocessing_of
from pipeline.artifacts.report import REPORT_FILE, STRENGTHS
from pipeline.artifacts.serialization import to_json
from pipeline.artifacts.stage_facts import (
    DataFacts,
    EvaluateFacts,
    ExportFacts,
    PublishFacts,
    ReportFacts,
    TrainFacts,
    VerifyFacts,
)
from pipeline.artifacts.uncertainty import SUBSPACE_FILE
from pipeline.engine.context import Context
from pipeline.engine.stage import Outcome
from pipeline.engine.store import StageOutput
from pipeline.evaluation.score_intervals import score_intervals
from pipeline.publishing.candidate import Candidate
from pipeline.publishing.card_limits import Robustness
from pipeline.publishing.chain import provenance_of
from pipeline.publishing.golden import GOLDEN, Golden, select_golden
from pipeline.publishing.manifest import Description, Fingerprints, PublishedData
from pipeline.publishing.new_version import publish
from pipeline.publishing.onnx_test_data import onnx_test_data
from pipeline.publishing.portable import (
    portable_command,
    portable_config,
    portable_origin,
    portable_text,
)
from pipeline.tasks.answers import describe_answers
from pipeline.tasks.registry import task_of


def run(context: Context, folder: Path) -> Outcome[PublishFacts]:
    """Add a version.

    Raises:
        ModelError: an exported file was altered after it was verified.
    """
    del folder  # the version is written to exported/ instead
    published = publish(
        Candidate(
            context.fingerprints["publish"],
            context.output(ExportFacts),
            _description(context),
            _additions(context),
            _robustness(context),
        ),
        context.workspace.exported / context.config.name,
        label=context.config.publish.label,
        republish=context.forced,
        key=Path(key).expanduser() if (key := context.config.publish.sign) else None,
    )
    return Outcome(PublishFacts(published.name, published.version))


def _additions(context: Context) -> dict[str, Callable[[Path], object]]:
    """Return how to write the files beside the exported ones."""
    golden, contract = _golden(context), context.output(ExportFacts).facts.contract
    has_onnx = "onnx" in context.output(VerifyFacts).facts.formats
    report = context.output(ReportFacts).path / REPORT_FILE
    subspace = context.output(ReportFacts).path / SUBSPACE_FILE
    has_subspace = has_onnx and context.output(ReportFacts).facts.uncertainty is not None
    return {
        GOLDEN: golden.write,
        REPORT_FILE: partial(shutil.copyfile, report),
        **(onnx_test_data(golden, contract) if has_onnx else {}),
        **({SUBSPACE_FILE: partial(shutil.copyfile, subspace)} if has_subspace else {}),
    }


def _robustness(context: Context) -> Robustness:
    """Return the score on the changed test images of the report, for the model card."""
    measured = context.output(ReportFacts).facts.measures.robustness
    return {
        f"{row.change} ({STRENGTHS[row.change]})": {
            f"{strength:g}": score
            for strength, score in zip(row.strengths, row.scores, strict=True)
        }
        for row in measured
    }


def _golden(context: Context) -> Golden:
    """Return a few test images with the predictions of the trained Keras model."""
    test = read_data(context.output(DataFacts).path).test
    probabilities = _test_predictions(context)
    allowed = context.output(VerifyFacts).path / ALLOWED_FILE
    return select_golden(
        test.images, test.labels, probabilities, np.load(allowed) if allowed.exists() else None
    )


def _test_predictions(context: Context) -> npt.NDArray[np.float32]:
    found: npt.NDArray[np.float32] = np.load(
        context.output(EvaluateFacts).path / TEST_PROBABILITIES_FILE
    )
    return found


def _test_answers(context: Context) -> AnswerDistribution:
    """Return how the predictions for the test set are distributed, for the server to compare."""
    images = read_data(context.output(DataFacts).path).test.images
    answers = describe_answers(task_of(context.config), images, _test_predictions(context))
    return answers.distribution(len(context.output(DataFacts).facts.class_names))


def _intervals(context: Context) -> dict[str, Interval]:
    """Return the confidence intervals of the scores on the test set."""
    labels = read_data(context.output(DataFacts).path).test.labels
    metrics = context.output(EvaluateFacts).facts.metrics["test"]
    return score_intervals(metrics, _test_predictions(context), labels)


def _description(context: Context) -> Description:
    """Collect the contents of the manifest, except for the files, without local paths."""
    train, verified = context.output(TrainFacts).facts, context.output(VerifyFacts).facts
    packages = {
        name: version
        for output in context.outputs.values()
        for name, version in output.ingredients.packages.items()
    }
    names = {artifact_name(name) for name in verified.formats}
    prints = {name: output.fingerprint for name, output in context.outputs.items()}
    data, root = context.output(DataFacts), context.workspace.root
    return Description(
        name=context.config.name,
        published=datetime.now(UTC).isoformat(timespec="seconds"),
        command=portable_command(context.config, root),
        license=context.config.publish.license,
        task=context.config.task,
        output=task_of(context.config).output_name,
        target=context.config.data.target,
        formats=verified.formats,
        contract=context.output(ExportFacts).facts.contract,
        preprocessing=preprocessing_of(data.facts),
        class_names=data.facts.class_names,
        config=portable_config(context.config, root),
        data=_published_data(data, root),
        parameters=train.parameters,
        metrics=context.output(EvaluateFacts).facts.metrics,
        members=context.output(EvaluateFacts).facts.members,
        intervals=_intervals(context),
        verification=tuple(
            replace(check, advice=portable_text(check.advice, root))
            for check in verified.checks
            if check.artifact in names
        ),
        report=to_json(context.output(ReportFacts).facts.measures),
        uncertainty=context.output(ReportFacts).facts.uncertainty,
        test_answers=_test_answers(context),
        copies=tuple(
            replace(copy, reason=copy.reason and portable_text(copy.reason, root))
            for copy in verified.copies
        ),
        signatures=(SIGNATURE, ENCODED_SIGNATURE),
        stages=Fingerprints(**prints),
        versions=dict(sorted(packages.items())),
        provenance=provenance_of(context.outputs, root),
    )


def _published_data(data: StageOutput[DataFacts], workspace: Path) -> PublishedData:
    facts = data.facts
    return PublishedData(
        name=facts.name,
        source=facts.source,
        origin=portable_origin(facts.origin, workspace),
        train=facts.train,
        validation=facts.validation,
        test=facts.test,
        sampled=facts.sampled,
        test_sha256=data.outputs[split_file("test", "images")].sha256,
    )
