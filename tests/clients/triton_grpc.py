"""tritonclient.grpc: raw tensors (its default), typed outputs, asynchronously; metadata, errors."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import numpy as np
import tritonclient.grpc as triton
from harness import (
    Arguments,
    Images,
    Predict,
    Predictions,
    expect_error,
    other_outputs,
    parse_arguments,
)
from tritonclient.grpc.model_config_pb2 import TYPE_FP32, TYPE_UINT8

INPUT = "image"
SECONDS = 60


def _input(images: Images) -> triton.InferInput:
    return triton.InferInput(INPUT, images.shape, "UINT8").set_data_from_numpy(images)


def _read(result: triton.InferResult, args: Arguments) -> Predictions:
    response = result.get_response()
    assert len(response.raw_output_contents) == 1, "raw in, raw out"
    predictions = result.as_numpy(args.output)
    assert predictions.shape == tuple(result.get_output(args.output).shape)
    return predictions


@contextmanager
def default(args: Arguments) -> Iterator[Predict]:
    with triton.InferenceServerClient(args.address) as client:
        yield lambda images: _read(client.infer(args.model, [_input(images)]), args)


@contextmanager
def named(args: Arguments) -> Iterator[Predict]:
    """Version and output by name, with a deadline, compressed by gRPC."""
    outputs = [triton.InferRequestedOutput(args.output)]
    with triton.InferenceServerClient(args.address) as client:
        [version] = client.get_model_metadata(args.model).versions
        options = {"client_timeout": SECONDS, "compression_algorithm": "gzip"}
        yield lambda images: _read(
            client.infer(args.model, [_input(images)], version, outputs, **options), args
        )


@contextmanager
def concurrent(args: Arguments) -> Iterator[Predict]:
    """Send each image of a batch as a separate call, all concurrently."""
    with triton.InferenceServerClient(args.address) as client:

        def start(image: Images) -> Future[Any]:
            response: Future[Any] = Future()
            client.async_infer(args.model, [_input(image)], partial(_settle, response))
            return response

        def predict(images: Images) -> Predictions:
            pending = [start(images[i : i + 1]) for i in range(len(images))]
            return np.concatenate([_read(response.result(SECONDS), args) for response in pending])

        yield predict


def _settle(response: Future[Any], result: Any, error: Exception | None) -> None:
    if error is None:
        response.set_result(result)
    else:
        response.set_exception(error)


def _tensors(tensors: Any) -> list[tuple[str, str, list[int]]]:
    return [(tensor.name, tensor.datatype, list(tensor.shape)) for tensor in tensors]


def check_metadata(client: triton.InferenceServerClient, args: Arguments) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(args.model)
    assert client.get_server_metadata().name == "dense-pipeline"
    found = client.get_model_metadata(args.model)
    assert found.name == args.model
    assert _tensors(found.inputs) == [(INPUT, "UINT8", [-1, *args.images.shape[1:]])]
    assert _tensors(found.outputs) == [(args.output, "FP32", [-1, args.units])]
    [version] = found.versions
    assert client.is_model_ready(args.model, version)
    assert client.get_model_metadata(args.model, version) == found
    index = client.get_model_repository_index().models
    ready = [(row.name, row.version) for row in index if row.state == "READY"]
    assert (args.model, version) in ready
    response = client.infer(
        args.model, [_input(args.images[:1])], request_id="the-7th"
    ).get_response()
    assert (response.id, response.model_name, response.model_version) == (
        "the-7th",
        args.model,
        version,
    )


def check_extensions(client: triton.InferenceServerClient, args: Arguments) -> None:
    extensions = client.get_server_metadata().extensions
    assert {"model_configuration", "model_repository", "statistics"} <= {*extensions}
    config = client.get_model_config(args.model).config
    assert (config.name, config.backend) == (args.model, "onnxruntime")
    assert config.max_batch_size > len(args.images)
    assert config.WhichOneof("scheduling_choice") == "dynamic_batching"
    [given], [returned] = config.input, config.output
    assert (given.name, given.data_type) == (INPUT, TYPE_UINT8)
    assert (returned.name, returned.data_type) == (args.output, TYPE_FP32)
    assert ([*given.dims], [*returned.dims]) == ([*args.images.shape[1:]], [args.units])
    before = statistics(client, args.model)
    client.infer(args.model, [_input(args.images[:2])])
    with _expect("INVALID_ARGUMENT", "unexpected inference input"):
        client.infer(args.model, [triton.InferInput("x", [1], "UINT8")])
    after = statistics(client, args.model, before.version)
    assert after.last_inference > before.last_inference
    assert after.inference_count - before.inference_count == 2
    assert after.execution_count - before.execution_count == 1
    for part in ("success", "fail", "queue", "compute_infer"):
        now, then = (getattr(each.inference_stats, part) for each in (after, before))
        assert now.count - then.count == 1, part
        assert part == "queue" or now.ns > then.ns, part
    assert after in client.get_inference_statistics().model_stats
    for change in (client.load_model, client.unload_model):
        with _expect("PERMISSION_DENIED", "Models can be loaded"):
            change(args.model)


def statistics(client: triton.InferenceServerClient, *names: str) -> Any:
    [found] = client.get_inference_statistics(*names).model_stats
    return found


def check_errors(client: triton.InferenceServerClient, args: Arguments) -> None:
    image = args.images[:1]
    with _expect("NOT_FOUND", "Servable not found for request: missing"):
        client.infer("missing", [_input(image)])
    with _expect("NOT_FOUND", "Servable not found for request: missing"):
        client.get_model_metadata("missing")
    with _expect("NOT_FOUND", "Servable not found for request: version 999"):
        client.infer(args.model, [_input(image)], model_version="999")
    for call in (client.get_model_config, client.get_inference_statistics):
        with _expect("NOT_FOUND", "Servable not found for request: missing"):
            call("missing")
        with _expect("INVALID_ARGUMENT", "A version must be a number; got 'new'"):
            call(args.model, "new")
    with _expect("INVALID_ARGUMENT", "A version must be a number; got 'new'"):
        client.infer(args.model, [_input(image)], model_version="new")
    with _expect("INVALID_ARGUMENT", "inference input 'image'", "[batch, 28, 28, 1]", "[1, 784]"):
        client.infer(args.model, [_input(image.reshape(1, 784))])
    floats = triton.InferInput(INPUT, image.shape, "FP32")
    with _expect("INVALID_ARGUMENT", "inference input 'image'", "must have datatype UINT8"):
        client.infer(args.model, [floats.set_data_from_numpy(image.astype(np.float32))])
    for name in other_outputs(args):
        expected = f"expected '{args.output}', FP32 of shape [batch, {args.units}]"
        with _expect("INVALID_ARGUMENT", f"unexpected inference output '{name}'", expected):
            outputs = [triton.InferRequestedOutput(name)]
            client.infer(args.model, [_input(image)], outputs=outputs)


def check_classification(client: triton.InferenceServerClient, args: Arguments) -> None:
    with _expect("UNIMPLEMENTED", "The classification extension is not supported", "= 3."):
        outputs = [triton.InferRequestedOutput(args.output, class_count=3)]
        client.infer(args.model, [_input(args.images[:1])], outputs=outputs)


def _expect(code: str, sentence: str, *words: str) -> AbstractContextManager[None]:
    words = (f"[StatusCode.{code}] {sentence}", *words)
    return expect_error(triton.InferenceServerException, *words)


def main() -> None:
    args = parse_arguments()
    with triton.InferenceServerClient(args.address) as client:
        check_metadata(client, args)
        check_extensions(client, args)
        check_errors(client, args)
        check_classification(client, args)
    args.write(
        {variant.__name__: partial(variant, args) for variant in (default, named, concurrent)}
    )


if __name__ == "__main__":
    main()
