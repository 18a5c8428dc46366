"""``:explain``: the evidence of each pixel, checked against Keras' gradients."""

import json
import shutil
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from pipeline.artifacts.files import describe_files
from pipeline.publishing.published_folder import find_published
from pipeline.runtimes.evidence import evidence
from pipeline.runtimes.onnx_layers import DenseLayer, dense_layers
from pipeline.serving.errors import ServingError
from pipeline.serving.explainer import Explainer
from pipeline.serving.protocols import explaining
from pipeline.verification.comparing import Reference
from tests.support.picture_models import COLORS
from tests.support.servers import Server
from tests.support.single_output import DIGIT_VALUE, PARITY

pytestmark = pytest.mark.server
# Keras computes the slopes in float32, in sums of a few hundred products.
SLOPE_TOLERANCE = 1e-5


def explain(server: Server, model: str, images: Any, key: str = "instances") -> dict[str, Any]:
    response = server.post(f"/v1/models/{model}:explain", json={key: images.tolist()})
    assert response.status_code == 200, response.text
    document: dict[str, Any] = response.json()
    return document


def keras_slopes(folder: Path, images: Any, classes: list[tuple[int, ...]]) -> np.ndarray:
    """Return the gradients of the differences of two logits with respect to the pixels."""
    import keras
    import tensorflow as tf

    model = keras.models.load_model(folder, compile=False)
    names = [layer.name for layer in model.layers]
    layers = model.layers[1 : names.index("logits") + 1]  # the input itself takes uint8
    found = []
    for image, (first, second) in zip(images, classes, strict=True):
        pixels = tf.constant(image[np.newaxis], tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            logits = pixels
            for each in layers:
                logits = each(logits)
            difference = logits[0, first] - logits[0, second]
        found.append(tape.gradient(difference, pixels)[0].numpy())
    return np.stack(found)


@pytest.mark.tensorflow
def test_slopes_are_keras_gradients(complete: Path, reference: Reference) -> None:
    folder = complete / "exported" / "smoke" / "1"
    images = np.load(reference.images)[:10]
    found = [evidence(dense_layers(folder / "model.onnx"), image) for image in images]
    expected = keras_slopes(folder / "model.keras", images, [each.classes for each in found])
    got = np.stack([each.slopes for each in found])
    # Of pixels from 0 to 1, of which a slope is as large as a weight.
    np.testing.assert_allclose(255 * got, 255 * expected, rtol=0, atol=SLOPE_TOLERANCE)
    assert np.abs(255 * expected).max() > 1e4 * SLOPE_TOLERANCE


def test_evidence_sums_to_the_difference_of_the_logits(
    server: Server, reference: Reference
) -> None:
    images = np.load(reference.images)[:5]
    found = explain(server, "smoke", images)
    predictions = np.array(found["predictions"])
    np.testing.assert_allclose(predictions, reference.probabilities[:5], rtol=0, atol=1e-5)
    for image, row, each in zip(images, predictions, found["explanations"], strict=True):
        pixels = np.array(each["pixels"])
        first, second = each["logits"]
        assert pixels.shape == image.shape
        assert not pixels[image == 0].any()
        assert pixels.sum() + each["constant"] == pytest.approx(each["difference"], abs=1e-9)
        assert each["difference"] == pytest.approx(first - second, abs=1e-12)
        likeliest = np.argsort(-row)[:2]
        assert each["classes"] == [str(index) for index in likeliest]
        assert each["difference"] == pytest.approx(
            np.log(row[likeliest[0]] / row[likeliest[1]]), rel=1e-3
        )


def test_columns_are_explained_under_their_key(server: Server, reference: Reference) -> None:
    found = explain(server, "smoke", np.load(reference.images)[:1], "inputs")
    assert set(found) == {"outputs", "explanations"}


def test_binary_model_compares_its_logit_with_zero(
    single_output_server: Server, single_references: dict[str, Reference]
) -> None:
    images = np.load(single_references[PARITY].images)[::10][:50]  # sorted: the first are even
    found = explain(single_output_server, PARITY, images)
    for [probability], each in zip(found["predictions"], found["explanations"], strict=True):
        odd = probability > 0.5
        assert each["classes"] == (["odd", "even"] if odd else ["even", "odd"])
        likelier = 1 / (1 + np.exp(-each["difference"]))
        assert likelier == pytest.approx(max(probability, 1 - probability), abs=1e-5)
        total = np.sum(each["pixels"]) + each["constant"]
        assert total == pytest.approx(each["difference"], abs=1e-9)
    assert {each["classes"][0] for each in found["explanations"]} == {"odd", "even"}


def test_value_of_a_regression_is_explained(
    single_output_server: Server, single_references: dict[str, Reference]
) -> None:
    images = np.load(single_references[DIGIT_VALUE].images)[:5]
    found = explain(single_output_server, DIGIT_VALUE, images)
    for [value], each in zip(found["predictions"], found["explanations"], strict=True):
        assert each["classes"] == []
        total = np.sum(each["pixels"]) + each["constant"]
        assert max(0, total) == pytest.approx(value, abs=1e-3)  # its output is a ReLU


@pytest.mark.slow
@pytest.mark.tensorflow
def test_each_channel_has_its_evidence(picture_server: Server) -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)
    [found] = explain(picture_server, COLORS, image)["explanations"]
    assert np.shape(found["pixels"]) == (32, 32, 3)


def layer(activation: str, units: int = 3) -> DenseLayer:
    kernel = np.random.default_rng(units).normal(size=(3, units)).astype(np.float32)
    return DenseLayer(kernel, np.ones(units, np.float32), activation)


def with_operator(complete: Path, target: Path, name: bytes) -> Explainer:
    """Return an explainer of a copy of the model whose ReLU is another operator."""
    content = (complete / "exported" / "smoke" / "1" / "model.onnx").read_bytes()
    assert b"\x22\x04Relu" in content  # a field of 4 bytes, with the type of the operator
    target.write_bytes(content.replace(b"\x22\x04Relu", b"\x22\x04" + name))
    return Explainer(target, describe_files(target.parent)[target.name])


@pytest.mark.parametrize(
    ("operator", "reason"), [(b"Tanh", "it has the activation tanh"), (b"Sign", "it has other lay")]
)
def test_networks_that_are_not_piecewise_linear_are_refused(
    complete: Path, tmp_path: Path, operator: bytes, reason: str
) -> None:
    version = Mock(explainer=with_operator(complete, tmp_path / "model.onnx", operator))
    version.model, version.text = "mlp", "1"
    with pytest.raises(ServingError) as caught:
        explaining._explain(version, np.zeros((1, 28, 28, 1), np.uint8), time.perf_counter() + 60)
    assert caught.value.status == 400
    assert str(caught.value).startswith(
        ":explain needs a network of dense layers with ReLU or no activation"
    )
    assert f"mlp version 1 cannot be explained: {reason}" in str(caught.value)


def test_deadline_stops_the_explanations() -> None:
    with pytest.raises(ServingError, match="deadline passed"):
        explaining._explain(Mock(), np.zeros((1, 28, 28, 1), np.uint8), time.perf_counter() - 1)


def test_linear_network_needs_no_relu() -> None:
    """Of a network without hidden layers, the slopes are differences of its weights."""
    [only] = [layer("softmax")]
    found = evidence([only], np.array([[[1], [2], [3]]], np.uint8))
    first, second = found.classes
    np.testing.assert_allclose(
        found.slopes.ravel(), only.kernel[:, first] - only.kernel[:, second], rtol=1e-6
    )
    assert found.constant == 0


def test_altered_file_is_not_read(complete: Path, tmp_path: Path) -> None:
    published = find_published(complete / "exported" / "smoke")
    path = tmp_path / "model.onnx"
    shutil.copyfile(published.path / "model.onnx", path)
    explainer = Explainer(path, published.manifest.files["model.onnx"])
    path.write_bytes(b"x")
    with pytest.raises(Exception, match=r"can no longer be read: model\.onnx has 1 bytes instead"):
        explainer.explain(np.zeros((28, 28, 1), np.uint8))


def test_too_many_images_are_refused(server: Server) -> None:
    images = np.zeros((65, 28, 28, 1), np.uint8)
    response = server.post(
        "/v1/models/smoke:explain", data=json.dumps({"instances": images.tolist()})
    )
    assert response.status_code == 400
    assert response.json()["error"].startswith("At most 64 images can be explained at a time")
