"""tensorflow-serving-api: Predict with arrays and files, Classify, metadata, status, errors.

Unlike the other scripts, it runs in the environment with TensorFlow, which its messages need.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from harness import (
    Arguments,
    Images,
    Predict,
    Predictions,
    expect_error,
    other_outputs,
    parse_arguments,
)
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

SECONDS = 60
DEFAULT, ENCODED = "serving_default", "serving_encoded"


def as_tensor(images: Images) -> dict[str, Any]:
    return {"image": tf.make_tensor_proto(images)}


def as_files(images: Images) -> dict[str, Any]:
    return {"image_bytes": tf.make_tensor_proto([png(image) for image in images])}


def png(image: Any) -> bytes:
    encoded: bytes = tf.io.encode_png(image).numpy()
    return encoded


@contextmanager
def stub(args: Arguments) -> Iterator[Any]:
    with grpc.insecure_channel(args.address) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def request_for(kind: Any, args: Arguments, **spec: Any) -> Any:
    request = kind()
    request.model_spec.name = args.model
    for name, value in spec.items():
        if name == "version":
            request.model_spec.version.value = value
        else:
            setattr(request.model_spec, name, value)
    return request


def predict_request(args: Arguments, inputs: dict[str, Any], **spec: Any) -> Any:
    request = request_for(predict_pb2.PredictRequest, args, **spec)
    for name, tensor in inputs.items():
        request.inputs[name].CopyFrom(tensor)
    return request


@contextmanager
def predicting(
    args: Arguments, inputs: Callable[[Images], dict[str, Any]], **spec: Any
) -> Iterator[Predict]:
    with stub(args) as service:

        def predict(images: Images) -> Predictions:
            response = service.Predict(predict_request(args, inputs(images), **spec), SECONDS)
            assert response.model_spec.name == args.model
            assert response.model_spec.version.value == 1
            assert response.model_spec.signature_name == spec.get("signature_name", DEFAULT)
            [output] = response.outputs
            assert output == args.output
            found = tf.make_ndarray(response.outputs[output])
            # Many clients read this field, where TensorFlow Serving puts the numbers by default.
            values = np.array(response.outputs[output].float_val, np.float32)
            assert np.array_equal(found.ravel(), values)
            return found

        yield predict


VARIANTS = {
    "default": partial(predicting, inputs=as_tensor),
    "version": partial(predicting, inputs=as_tensor, version=1, signature_name=DEFAULT),
    "label": partial(predicting, inputs=as_tensor, version_label="stable"),
    "files": partial(predicting, inputs=as_files, signature_name=ENCODED),
}


def check_predictions(service: Any, args: Arguments) -> None:
    """Zeros are one number in a TensorProto; the filter names the output."""
    zeros = np.zeros((2, *args.images.shape[1:]), np.uint8)
    results = []
    for tensor in (tf.make_tensor_proto(0, tf.uint8, zeros.shape), tf.make_tensor_proto(zeros)):
        request = predict_request(args, {"image": tensor})
        request.output_filter.append(args.output)
        results.append(tf.make_ndarray(service.Predict(request, SECONDS).outputs[args.output]))
    assert results[0].shape == (2, args.units)
    np.testing.assert_allclose(*results, atol=1e-6)


def examples(images: Images, *, encoded: bool) -> list[Any]:
    def feature(image: Any) -> dict[str, Any]:
        if encoded:
            files = tf.train.BytesList(value=[png(image)])
            return {"image_bytes": tf.train.Feature(bytes_list=files)}
        pixels = tf.train.Int64List(value=image.ravel())
        return {"image": tf.train.Feature(int64_list=pixels)}

    return [
        tf.train.Example(features=tf.train.Features(feature=feature(image))) for image in images
    ]


def classification(args: Arguments, found: list[Any], **spec: Any) -> Any:
    request = request_for(classification_pb2.ClassificationRequest, args, **spec)
    request.input.example_list.examples.extend(found)
    return request


def check_classify(service: Any, args: Arguments) -> None:
    images = args.images[:3]
    if args.output == "value":
        with expect("INVALID_ARGUMENT", "regression, which has no classes. Use Predict."):
            service.Classify(classification(args, examples(images, encoded=False)), SECONDS)
        return
    response = service.Predict(predict_request(args, as_tensor(images)), SECONDS)
    expected = tf.make_ndarray(response.outputs[args.output])
    for encoded in (False, True):
        request = classification(args, examples(images, encoded=encoded))
        result = service.Classify(request, SECONDS).result
        scores = np.array([[one.score for one in row.classes] for row in result.classifications])
        np.testing.assert_allclose(scores[:, -1], expected[:, -1], atol=1e-6)
        np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
        if args.units > 1:
            labels = [one.label for one in result.classifications[0].classes]
            assert labels == [str(digit) for digit in range(args.units)]
    check_examples(service, args)


def check_examples(service: Any, args: Arguments) -> None:
    image = args.images[:1]
    good = examples(image, encoded=False)
    for found, words in (
        ([], "at least one example; got none"),
        ([*good, *examples(image, encoded=True)], "examples[1] must have, like the other examples"),
        ([tf.train.Example()], "examples[0] must have, like the other examples, either"),
        (examples(image[:, :5], encoded=False), "examples[0] must have 784 pixels"),
    ):
        with expect("INVALID_ARGUMENT", words):
            service.Classify(classification(args, found), SECONDS)


def check_metadata(service: Any, args: Arguments) -> None:
    request = request_for(get_model_metadata_pb2.GetModelMetadataRequest, args)
    with expect("INVALID_ARGUMENT", "metadata_field must be ['signature_def']; got none."):
        service.GetModelMetadata(request, SECONDS)
    request.metadata_field.append("signature_def")
    response = service.GetModelMetadata(request, SECONDS)
    assert response.model_spec.version.value == 1
    found = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(found)
    assert set(found.signature_def) == {DEFAULT, ENCODED}
    signature = found.signature_def[DEFAULT]
    assert signature.method_name == tf.saved_model.PREDICT_METHOD_NAME
    image = signature.inputs["image"]
    assert image.dtype == tf.uint8.as_datatype_enum
    assert [dim.size for dim in image.tensor_shape.dim] == [-1, *args.images.shape[1:]]
    output = signature.outputs[args.output]
    assert [dim.size for dim in output.tensor_shape.dim] == [-1, args.units]
    files = found.signature_def[ENCODED].inputs["image_bytes"]
    assert files.dtype == tf.string.as_datatype_enum


def check_status(args: Arguments) -> None:
    with grpc.insecure_channel(args.address) as channel:
        service = model_service_pb2_grpc.ModelServiceStub(channel)
        for spec in ({}, {"version": 1}, {"version_label": "stable"}):
            request = request_for(get_model_status_pb2.GetModelStatusRequest, args, **spec)
            [row] = service.GetModelStatus(request, SECONDS).model_version_status
            state = get_model_status_pb2.ModelVersionStatus.AVAILABLE
            assert (row.version, row.state, row.status.error_code) == (1, state, 0)
        request.model_spec.version.value = 999
        with expect("NOT_FOUND", "Servable not found for request: version 999"):
            service.GetModelStatus(request, SECONDS)


def check_errors(service: Any, args: Arguments) -> None:
    image = args.images[:1]
    tensor, files = as_tensor(image), as_files(image)
    small = as_files(image[:, :27])
    named = {"signature_name": ENCODED}
    cases: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
        ("NOT_FOUND", tensor, {"version": 999}, "Servable not found for request: version 999"),
        ("NOT_FOUND", tensor, {"version_label": "x"}, "Servable not found for request: label x"),
        ("INVALID_ARGUMENT", tensor, {"signature_name": "x"}, 'Serving signature name: "x"'),
        ("INVALID_ARGUMENT", files, {}, "inputs must contain one tensor, 'image'; got image_bytes"),
        ("INVALID_ARGUMENT", tensor, named, "inputs must contain one tensor, 'image_bytes'"),
        ("INVALID_ARGUMENT", small, named, "pixels; got 28 x 27 in inputs['image_bytes'][0]"),
        (
            "INVALID_ARGUMENT",
            as_tensor(image.astype(np.float32)),
            {},
            "inputs['image'] must have dtype DT_UINT8; got DT_FLOAT. Send raw pixels",
        ),
        (
            "INVALID_ARGUMENT",
            as_tensor(image.reshape(1, -1)),
            {},
            "inputs['image'] must have shape [batch, 28, 28, 1], batch at least 1; got [1, 784].",
        ),
        (
            "INVALID_ARGUMENT",
            {"image": tf.make_tensor_proto(0, tf.uint8, [2**40, 28, 28, 1])},
            {},
            "got 1. The last number is repeated only for tensors of at most 262,144 numbers.",
        ),
    ]
    for code, inputs, spec, words in cases:
        with expect(code, words):
            service.Predict(predict_request(args, inputs, **spec), SECONDS)
    for name in other_outputs(args):
        request = predict_request(args, tensor)
        request.output_filter.append(name)
        with expect("INVALID_ARGUMENT", f"unexpected inference output '{name}'"):
            service.Predict(request, SECONDS)
    found = examples(image, encoded=False)
    with expect("INVALID_ARGUMENT", 'Serving signature name: "x" not found in signature def.'):
        service.Classify(classification(args, found, signature_name="x"), SECONDS)
    with expect("UNIMPLEMENTED", "Method not found"):
        service.Regress(classification(args, []), SECONDS)


def expect(code: str, words: str) -> Any:
    return expect_error(grpc.RpcError, f"StatusCode.{code}", words)


def main() -> None:
    args = parse_arguments()
    with stub(args) as service:
        check_predictions(service, args)
        check_classify(service, args)
        check_metadata(service, args)
        check_errors(service, args)
    check_status(args)
    args.write({name: partial(variant, args) for name, variant in VARIANTS.items()})


if __name__ == "__main__":
    main()
