"""What a comparison means: which differences are explained, and within the bound."""

from dataclasses import replace

import pytest

from pipeline.reproduction.files import Answers, FileComparison
from pipeline.reproduction.links import Change, Link
from pipeline.reproduction.metrics import MetricChange
from pipeline.reproduction.verdict import Compared, judge
from pipeline.reproduction.weights import WeightsComparison

SAME = Link("same")
WEIGHTS = WeightsComparison("a", "a", "a", "keras", same_bits=True, largest_difference=0.0)
OTHER = replace(WEIGHTS, now="b", same_bits=False, largest_difference=3.1e-7)
PROCESSOR = Link("differs", (Change("processor", "this one", "that one"),))
PACKAGES = Link("differs", (Change("keras", "3.15.1", "3.16.0"),))
EQUAL = Answers(0.0, 0.0, 0)
ONNX = FileComparison("model.onnx", "onnx", "identical")
KERAS = FileComparison("model.keras", "keras", "same weights and answers", answers=EQUAL)
UNREADABLE = FileComparison("model.xml", "openvino", "differs", problem="x")
METRIC = MetricChange("test", "accuracy", 0.95, 0.95, 0.0)
IDENTICAL = Compared(
    "mlp/1", 10_000, SAME, SAME, SAME, SAME, WEIGHTS, files=(ONNX, KERAS), metrics=(METRIC,)
)


def differing(labels: int | None, *, mean: float = 1e-3, largest: float | None = 0.2) -> Compared:
    """A second run on another processor, whose answers differ."""
    answers = Answers(largest, mean, labels)
    file = FileComparison("model.onnx", "onnx", "differs", weights=3.1e-7, answers=answers)
    return replace(IDENTICAL, machine=PROCESSOR, weights=OTHER, files=(file,))


def test_identical() -> None:
    verdict = judge(IDENTICAL)
    assert (verdict.outcome, verdict.reproduced) == ("identical", True)
    assert verdict.sentence == (
        "mlp/1 was reproduced bit for bit; model.keras, whose bytes differ in every export, has "
        "the same weights and answers."
    )
    assert judge(replace(IDENTICAL, files=(ONNX,))).sentence == "mlp/1 was reproduced bit for bit."


def test_other_bytes_of_the_same_weights_need_a_reason() -> None:
    file = FileComparison("model.onnx", "onnx", "same weights and answers", answers=EQUAL)
    other = replace(IDENTICAL, files=(file, KERAS))
    assert judge(other).sentence == (
        "mlp/1 was not reproduced: model.onnx differs, although weights, code and packages are the "
        "same. The weights are the same, bit for bit, and all answers are the same."
    )
    explained = judge(replace(other, packages=PACKAGES))
    assert explained.outcome == "same weights"
    assert explained.sentence == (
        "mlp/1 was reproduced: the weights are the same, bit for bit, and so are all answers; the "
        "bytes of model.onnx differ. This run used other package versions."
    )


def test_bound_on_another_processor() -> None:
    """Of 10,000 images, 500 are misclassified: 200 labels may differ."""
    verdict = judge(differing(200))
    assert (verdict.outcome, verdict.reproduced) == ("within the bound", True)
    assert verdict.sentence == (
        "mlp/1 was reproduced within the bound: the same data and code. Weights differ by at most "
        "3.1e-07, answers by at most 0.2, and 200 of 10,000 labels differ. This run used "
        "another processor."
    )
    beyond = judge(differing(201))
    assert (beyond.outcome, beyond.reproduced) == ("different", False)
    assert "the answers of model.onnx differ by more than the bound." in beyond.sentence


def test_differences_that_are_not_finite() -> None:
    sentence = judge(differing(0, largest=None)).sentence
    assert sentence.endswith(
        "Weights differ by at most 3.1e-07, some answers differ infinitely or are not numbers, and "
        "0 of 10,000 labels differ."
    )


def test_same_weights_with_other_answers() -> None:
    verdict = judge(replace(differing(3), weights=WEIGHTS, packages=PACKAGES))
    assert (
        "The weights are the same, bit for bit, answers differ by at most 0.2, and 3 of 10,000 "
        "labels differ." in verdict.sentence
    )


def test_bound_of_numbers() -> None:
    metric = MetricChange("test", "rmse", 2.0, 2.0, 0.0)
    within = replace(differing(None, mean=0.8), metrics=(metric,))
    assert judge(within).outcome == "within the bound"
    assert "labels" not in judge(within).sentence
    beyond = replace(differing(None, mean=0.81), metrics=(metric,))
    assert judge(beyond).outcome == "different"


@pytest.mark.parametrize(
    ("compared", "words"),
    [
        (replace(differing(0), machine=SAME), "although code, packages and machine are the same"),
        (differing(0, largest=None), "differ by more than the bound"),
        (replace(differing(0), metrics=()), "differ by more than the bound"),
        (
            replace(IDENTICAL, weights=replace(WEIGHTS, published="c")),
            "the published model.keras does not have the weights whose SHA-256 is in its manifest",
        ),
        (
            replace(IDENTICAL, metrics=(replace(METRIC, then=0.97, worsening=2.0),)),
            "the manifest has accuracy 0.9700 on the test set, and this run 0.9500",
        ),
        (
            replace(IDENTICAL, metrics=(replace(METRIC, worsening=float("nan")),)),
            "the manifest has accuracy",
        ),
        (
            replace(
                differing(0),
                files=(FileComparison("model.xml", "openvino", "differs", problem="x"),),
            ),
            "model.xml was not compared: x",
        ),
        (
            replace(IDENTICAL, files=(FileComparison("model.onnx", "onnx", "differs"),)),
            "model.onnx has answers of another shape",
        ),
    ],
)
def test_not_reproduced(compared: Compared, words: str) -> None:
    verdict = judge(compared)
    assert (verdict.outcome, verdict.reproduced) == ("different", False)
    assert words in verdict.sentence


def test_machine_that_is_not_recorded_may_be_another() -> None:
    verdict = judge(replace(differing(1), machine=Link("not recorded")))
    assert verdict.outcome == "within the bound"
    assert verdict.sentence.endswith("This run used a machine that the manifest does not describe.")


def test_other_data() -> None:
    changes = (Change("train_images.npy", "a", "b"), Change("train images", "55,000", "50,000"))
    verdict = judge(Compared("mlp/1", 10_000, Link("differs", changes), SAME))
    assert verdict.sentence.startswith(
        "mlp/1 was not reproduced: the data differs in train_images.npy (50,000 train images "
        "instead of 55,000). The training was not run."
    )
