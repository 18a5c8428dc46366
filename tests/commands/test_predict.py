"""``pipeline predict`` with published models that have one output: a probability, or a value."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import pipeline
from pipeline.verification.comparing import Reference
from tests.support.command_line import in_process
from tests.support.single_output import DIGIT_VALUE, OUTPUTS, PARITY

References = dict[str, Reference]
COUNT = 20
DOUBT = {"unsure", "reason"}


@pytest.fixture
def images(single_references: References, tmp_path: Path) -> Path:
    """Test images that both models were trained to tell apart, in one file."""
    np.save(tmp_path / "digits.npy", np.load(single_references[PARITY].images)[:COUNT])
    return tmp_path / "digits.npy"


def test_both_models_have_the_same_test_images(single_references: References) -> None:
    parity, value = (np.load(single_references[name].images) for name in OUTPUTS)
    np.testing.assert_array_equal(parity, value)


def test_label_and_probability_of_a_binary_model(
    single_output: Path, single_references: References, images: Path
) -> None:
    odd = single_references[PARITY].probabilities[:COUNT, 0]
    done = in_process("predict", PARITY, images, "-C", single_output)
    lines = [line.split("\t") for line in done.out.splitlines()]
    assert [name for name, *_ in lines] == [f"{images}[{index}]" for index in range(COUNT)]
    assert [line[1] for line in lines] == ["odd" if p > 0.5 else "even" for p in odd]
    shown = [float(line[2]) for line in lines]
    assert [len(line[3:]) for line in lines] == [max(p, 1 - p) < 0.9 for p in odd]
    assert all(line[3].startswith("the model is unsure: ") for line in lines if line[3:])
    np.testing.assert_allclose(shown, np.maximum(odd, 1 - odd), rtol=0, atol=6e-5)


def test_document_of_a_binary_model(
    single_output: Path, single_references: References, images: Path
) -> None:
    odd = single_references[PARITY].probabilities[:COUNT, 0]
    predictions = documents(PARITY, images, "-C", single_output)
    for index, (found, probability) in enumerate(zip(predictions, odd, strict=True)):
        assert set(found) == {"file", "index", "label", "probability", "probabilities", *DOUBT}
        assert found["index"] == index
        assert found["unsure"] == (found["probability"] < 0.9) == (found["reason"] is not None)
        expected = {"even": 1 - probability, "odd": probability}
        assert found["probabilities"] == pytest.approx(expected, abs=1e-5)
        assert found["probability"] == max(found["probabilities"].values())
        assert found["probabilities"][found["label"]] == found["probability"]


def test_value_of_a_regression(
    single_output: Path, single_references: References, images: Path
) -> None:
    values = single_references[DIGIT_VALUE].probabilities[:COUNT, 0]
    done = in_process("predict", DIGIT_VALUE, images, "-C", single_output)
    lines = [line.split("\t") for line in done.out.splitlines()]
    assert [name for name, _ in lines] == [f"{images}[{index}]" for index in range(COUNT)]
    shown = [float(value) for _, value in lines]
    np.testing.assert_allclose(shown, values, rtol=0, atol=1.5e-4)
    for found, value in zip(
        documents(DIGIT_VALUE, images, "-C", single_output), values, strict=True
    ):
        assert set(found) == {"file", "index", "value", *DOUBT}
        assert (found["unsure"], found["reason"]) == (False, None)
        assert found["value"] == pytest.approx(value, abs=1e-4)


def test_output_decides_on_the_task_of_a_file_without_metadata(
    single_output: Path, images: Path, tmp_path: Path
) -> None:
    for name, field in ((PARITY, "probability"), (DIGIT_VALUE, "value")):
        published = single_output / "exported" / name / "1" / "model.onnx"
        model = onnx.load(published)
        del model.metadata_props[:]
        onnx.save(model, tmp_path / f"{name}.onnx")
        got = documents(tmp_path / f"{name}.onnx", images)
        expected = documents(published, images)
        assert [found[field] for found in got] == [found[field] for found in expected]


def documents(model: object, *arguments: object) -> list[dict[str, Any]]:
    done = in_process("predict", model, *arguments, "--json")
    assert done.code == 0, done.err
    found: list[dict[str, Any]] = json.loads(done.out)
    return found


@pytest.mark.parametrize("name", OUTPUTS)
def test_python_api_returns_the_same(single_output: Path, images: Path, name: str) -> None:
    predictions = pipeline.predict(name, [images], workspace=single_output)
    shown = documents(name, images, "-C", single_output)
    if name == PARITY:
        assert [p.label for p in predictions] == [found["label"] for found in shown]
        assert all(p.value is None for p in predictions)
    else:
        assert [p.value for p in predictions] == [found["value"] for found in shown]
        assert all((p.label, p.probability) == (None, None) for p in predictions)
        assert all(p.probabilities == {} for p in predictions)
