"""KServe's InferenceRESTClient: V1, and V2 as JSON and as raw bytes; readiness and errors."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial

import httpx
import numpy as np
from asking import Ask, Asked, Images, Probabilities, asked, refused
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

INPUT, OUTPUT = "image", "probabilities"
Question = Callable[[InferenceRESTClient, Images], Awaitable[Probabilities]]


@contextmanager
def _asking(protocol: str, question: Question) -> Iterator[Ask]:
    """Open a client with its own event loop, so that it can run in a thread."""
    with asyncio.Runner() as loop:
        client = InferenceRESTClient(RESTConfig(protocol=protocol))
        yield lambda images: loop.run(question(client, images))
        loop.run(client.close())


async def ask_v1(client: InferenceRESTClient, images: Images, to: Asked) -> Probabilities:
    document = {"instances": images.tolist()}
    answer = await client.infer(to.address, document, model_name=to.model)
    return np.array(answer["predictions"], np.float32)


async def ask_v2(
    client: InferenceRESTClient, images: Images, to: Asked, *, binary_in: bool, binary_out: bool
) -> Probabilities:
    request = _request(images, to, binary=binary_in)
    if binary_out:
        request.request_outputs = [RequestedOutput(OUTPUT, {"binary_data": True})]
    answer = await client.infer(to.address, request, model_name=to.model)
    assert (answer.id, answer.model_name) == ("the-7th", to.model)
    [output] = answer.outputs
    assert (output.name, output.datatype) == (OUTPUT, "FP32")
    assert output.shape == [len(images), 10]
    return output.as_numpy()


def _request(images: Images, to: Asked, *, binary: bool) -> InferRequest:
    tensor = InferInput(INPUT, list(images.shape), "UINT8")
    tensor.set_data_from_numpy(images, binary_data=binary)
    return InferRequest(to.model, [tensor], request_id="the-7th")


async def check_readiness(v1: InferenceRESTClient, v2: InferenceRESTClient, to: Asked) -> None:
    assert await v1.is_model_ready(to.address, to.model) is True
    assert await v1.is_server_live(to.address) is True
    assert await v2.is_server_live(to.address) is True
    assert await v2.is_server_ready(to.address) is True
    assert await v2.is_model_ready(to.address, to.model) is True
    assert await v2.is_model_ready(to.address, "missing") is False


async def check_errors(v1: InferenceRESTClient, v2: InferenceRESTClient, to: Asked) -> None:
    images = to.images[:1]
    refusal = partial(refused, httpx.HTTPStatusError)
    for client in (v1, v2):
        with refusal("Servable not found for request: missing", "404"):
            data = {"instances": images.tolist()}
            await client.infer(to.address, data, model_name="missing")
    with refusal("Servable not found for request: missing", "404"):
        await v1.is_model_ready(to.address, "missing")
    with refusal("Missing 'inputs' or 'instances' key", "400"):
        await v1.infer(to.address, {"pixels": []}, model_name=to.model)
    for binary in (True, False):
        with refusal("must have shape [batch, 28, 28, 1]", "[1, 784]", "400"):
            request = _request(images.reshape(1, 784), to, binary=binary)
            await v2.infer(to.address, request, model_name=to.model)


async def check(to: Asked) -> None:
    v1, v2 = (InferenceRESTClient(RESTConfig(protocol=name)) for name in ("v1", "v2"))
    await check_readiness(v1, v2, to)
    await check_errors(v1, v2, to)
    await v1.close()
    await v2.close()


def main() -> None:
    to = asked()
    asyncio.run(check(to))
    text = partial(ask_v2, to=to, binary_in=False, binary_out=False)
    mixed = partial(ask_v2, to=to, binary_in=True, binary_out=False)
    binary = partial(ask_v2, to=to, binary_in=True, binary_out=True)
    to.write(
        {
            "V1": partial(_asking, "v1", partial(ask_v1, to=to)),
            "V2 JSON": partial(_asking, "v2", text),
            "V2 binary in": partial(_asking, "v2", mixed),
            "V2 binary in and out": partial(_asking, "v2", binary),
        }
    )


if __name__ == "__main__":
    main()
