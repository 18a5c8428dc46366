"""tritonclient.http: binary tensors (its default), JSON, asynchronously; metadata and errors."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from asking import THREADS, Ask, Asked, Images, Probabilities, asked, refused

INPUT, OUTPUT = "image", "probabilities"


def _input(images: Images, *, binary: bool = True) -> triton.InferInput:
    tensor = triton.InferInput(INPUT, images.shape, "UINT8")
    return tensor.set_data_from_numpy(images, binary_data=binary)


def _read(result: triton.InferResult, *, binary: bool) -> Probabilities:
    output = result.get_output(OUTPUT)
    assert ("data" not in output) == binary, "the response is in the wrong format"
    answer = result.as_numpy(OUTPUT)
    assert answer.shape == tuple(output["shape"])
    return answer


@contextmanager
def default(to: Asked) -> Iterator[Ask]:
    """Send binary input; the output is binary too, since none is requested by name."""
    with triton.InferenceServerClient(to.address) as client:
        yield lambda images: _read(client.infer(to.model, [_input(images)]), binary=True)


@contextmanager
def text(to: Asked) -> Iterator[Ask]:
    outputs = [triton.InferRequestedOutput(OUTPUT, binary_data=False)]

    def ask(images: Images) -> Probabilities:
        tensor = _input(images, binary=False)
        return _read(client.infer(to.model, [tensor], outputs=outputs), binary=False)

    with triton.InferenceServerClient(to.address) as client:
        yield ask


@contextmanager
def mixed(to: Asked) -> Iterator[Ask]:
    """Send binary input and request JSON, by version, compressed if the server supports it."""
    outputs = [triton.InferRequestedOutput(OUTPUT, binary_data=False)]
    with triton.InferenceServerClient(to.address) as client:
        [version] = client.get_model_metadata(to.model)["versions"]
        options = {"outputs": outputs, "response_compression_algorithm": "gzip"}
        yield lambda images: _read(
            client.infer(to.model, [_input(images)], version, **options), binary=False
        )


@contextmanager
def at_once(to: Asked) -> Iterator[Ask]:
    """Split a batch into several concurrent requests."""
    with triton.InferenceServerClient(to.address, concurrency=THREADS) as client:

        def ask(images: Images) -> Probabilities:
            parts = np.array_split(images, min(THREADS, len(images)))
            pending = [client.async_infer(to.model, [_input(part)]) for part in parts]
            answers = [_read(one.get_result(), binary=True) for one in pending]
            return np.concatenate(answers)

        yield ask


@contextmanager
def asyncio_client(to: Asked) -> Iterator[Ask]:
    """Send each image of a batch as a separate request, all concurrently."""

    async def ask(images: Images) -> Probabilities:
        async with triton_aio.InferenceServerClient(to.address) as client:
            ones = [_input(images[i : i + 1]) for i in range(len(images))]
            answers = await asyncio.gather(*(client.infer(to.model, [one]) for one in ones))
            return np.concatenate([_read(answer, binary=True) for answer in answers])

    yield lambda images: asyncio.run(ask(images))


def check_metadata(client: triton.InferenceServerClient, to: Asked) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(to.model)
    assert not client.is_model_ready("missing")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    found = client.get_model_metadata(to.model)
    shape = [-1, *to.images.shape[1:]]
    assert found["name"] == to.model
    assert found["inputs"] == [{"name": INPUT, "datatype": "UINT8", "shape": shape}]
    assert found["outputs"] == [{"name": OUTPUT, "datatype": "FP32", "shape": [-1, 10]}]
    [version] = found["versions"]
    assert client.is_model_ready(to.model, version)
    assert client.get_model_metadata(to.model, version) == found
    ready = [row for row in client.get_model_repository_index() if row["state"] == "READY"]
    assert [(row["name"], row["version"]) for row in ready] == [(to.model, version)]
    answer = client.infer(to.model, [_input(to.images[:1])], request_id="the-7th").get_response()
    assert (answer["id"], answer["model_name"]) == ("the-7th", to.model)
    assert answer["model_version"] == version


def check_errors(client: triton.InferenceServerClient, to: Asked) -> None:
    image = to.images[:1]
    refusal = partial(refused, triton.InferenceServerException)
    with refusal("[404] Servable not found for request: missing"):
        client.infer("missing", [_input(image)])
    with refusal("[404] Servable not found for request: version 999"):
        client.infer(to.model, [_input(image)], model_version="999")
    with refusal("[400] inference input 'image'", "[batch, 28, 28, 1]", "[1, 784]"):
        client.infer(to.model, [_input(image.reshape(1, 784))])
    floats = triton.InferInput(INPUT, image.shape, "FP32")
    with refusal("[400] inference input 'image'", "must have datatype UINT8"):
        client.infer(to.model, [floats.set_data_from_numpy(image.astype(np.float32))])
    with refusal("[400] unexpected inference output 'scores'"):
        outputs = [triton.InferRequestedOutput("scores")]
        client.infer(to.model, [_input(image)], outputs=outputs)
    with refusal("[415] Bodies must not be compressed"):
        client.infer(to.model, [_input(image)], request_compression_algorithm="gzip")
    with refusal("[501] The classification extension"):
        outputs = [triton.InferRequestedOutput(OUTPUT, class_count=3)]
        client.infer(to.model, [_input(image)], outputs=outputs)


WAYS = (default, text, mixed, at_once, asyncio_client)


def main() -> None:
    to = asked()
    with triton.InferenceServerClient(to.address) as client:
        check_metadata(client, to)
        check_errors(client, to)
    to.write({way.__name__: partial(way, to) for way in WAYS})


if __name__ == "__main__":
    main()
