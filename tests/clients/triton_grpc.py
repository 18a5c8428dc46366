"""tritonclient.grpc: raw tensors (its default), typed outputs, asynchronously; metadata, errors."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import numpy as np
import tritonclient.grpc as triton
from asking import Ask, Asked, Images, Probabilities, asked, refused

INPUT, OUTPUT = "image", "probabilities"
SECONDS = 60


def _input(images: Images) -> triton.InferInput:
    return triton.InferInput(INPUT, images.shape, "UINT8").set_data_from_numpy(images)


def _read(result: triton.InferResult) -> Probabilities:
    response = result.get_response()
    assert len(response.raw_output_contents) == 1, "raw in, raw out"
    answer = result.as_numpy(OUTPUT)
    assert answer.shape == tuple(result.get_output(OUTPUT).shape)
    return answer


@contextmanager
def default(to: Asked) -> Iterator[Ask]:
    with triton.InferenceServerClient(to.address) as client:
        yield lambda images: _read(client.infer(to.model, [_input(images)]))


@contextmanager
def named(to: Asked) -> Iterator[Ask]:
    """Version and output by name, with a deadline, compressed by gRPC."""
    outputs = [triton.InferRequestedOutput(OUTPUT)]
    with triton.InferenceServerClient(to.address) as client:
        [version] = client.get_model_metadata(to.model).versions
        options = {"client_timeout": SECONDS, "compression_algorithm": "gzip"}
        yield lambda images: _read(
            client.infer(to.model, [_input(images)], version, outputs, **options)
        )


@contextmanager
def at_once(to: Asked) -> Iterator[Ask]:
    """Send each image of a batch as a separate call, all concurrently."""
    with triton.InferenceServerClient(to.address) as client:

        def start(image: Images) -> Future[Any]:
            answer: Future[Any] = Future()
            client.async_infer(to.model, [_input(image)], partial(_settle, answer))
            return answer

        def ask(images: Images) -> Probabilities:
            pending = [start(images[i : i + 1]) for i in range(len(images))]
            return np.concatenate([_read(answer.result(SECONDS)) for answer in pending])

        yield ask


def _settle(answer: Future[Any], result: Any, error: Exception | None) -> None:
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)


def _tensors(tensors: Any) -> list[tuple[str, str, list[int]]]:
    return [(tensor.name, tensor.datatype, list(tensor.shape)) for tensor in tensors]


def check_metadata(client: triton.InferenceServerClient, to: Asked) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(to.model)
    assert client.get_server_metadata().name == "dense-pipeline"
    found = client.get_model_metadata(to.model)
    assert found.name == to.model
    assert _tensors(found.inputs) == [(INPUT, "UINT8", [-1, *to.images.shape[1:]])]
    assert _tensors(found.outputs) == [(OUTPUT, "FP32", [-1, 10])]
    [version] = found.versions
    assert client.is_model_ready(to.model, version)
    assert client.get_model_metadata(to.model, version) == found
    index = client.get_model_repository_index().models
    ready = [(row.name, row.version) for row in index if row.state == "READY"]
    assert ready == [(to.model, version)]
    answer = client.infer(to.model, [_input(to.images[:1])], request_id="the-7th").get_response()
    assert (answer.id, answer.model_name, answer.model_version) == ("the-7th", to.model, version)


def check_errors(client: triton.InferenceServerClient, to: Asked) -> None:
    image = to.images[:1]
    with _refused("NOT_FOUND", "Servable not found for request: missing"):
        client.infer("missing", [_input(image)])
    with _refused("NOT_FOUND", "Servable not found for request: missing"):
        client.get_model_metadata("missing")
    with _refused("NOT_FOUND", "Servable not found for request: version 999"):
        client.infer(to.model, [_input(image)], model_version="999")
    with _refused("INVALID_ARGUMENT", "A version must be a number; got 'new'"):
        client.infer(to.model, [_input(image)], model_version="new")
    with _refused("INVALID_ARGUMENT", "inference input 'image'", "[batch, 28, 28, 1]", "[1, 784]"):
        client.infer(to.model, [_input(image.reshape(1, 784))])
    floats = triton.InferInput(INPUT, image.shape, "FP32")
    with _refused("INVALID_ARGUMENT", "inference input 'image'", "must have datatype UINT8"):
        client.infer(to.model, [floats.set_data_from_numpy(image.astype(np.float32))])
    with _refused("INVALID_ARGUMENT", "unexpected inference output 'scores'"):
        outputs = [triton.InferRequestedOutput("scores")]
        client.infer(to.model, [_input(image)], outputs=outputs)


def _refused(code: str, sentence: str, *words: str) -> AbstractContextManager[None]:
    words = (f"[StatusCode.{code}] {sentence}", *words)
    return refused(triton.InferenceServerException, *words)


def main() -> None:
    to = asked()
    with triton.InferenceServerClient(to.address) as client:
        check_metadata(client, to)
        check_errors(client, to)
    to.write({way.__name__: partial(way, to) for way in (default, named, at_once)})


if __name__ == "__main__":
    main()
