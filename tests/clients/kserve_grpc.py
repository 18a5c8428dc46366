"""KServe's InferenceGRPCClient: raw and typed tensors; readiness and errors.

It needs its own process: its messages have the same names as tritonclient's, but differ.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import grpc
from asking import Ask, Asked, Images, Probabilities, asked, refused
from kserve import InferenceGRPCClient, InferInput, InferRequest

INPUT, OUTPUT = "image", "probabilities"


@contextmanager
def _asking(to: Asked, *, raw: bool) -> Iterator[Ask]:
    """Open a client with its own event loop, so that it can run in a thread."""
    with asyncio.Runner() as loop:
        client = loop.run(_open(to))
        yield lambda images: loop.run(_ask(client, images, to, raw=raw))
        loop.run(client.close())


async def _open(to: Asked) -> InferenceGRPCClient:
    return InferenceGRPCClient(to.address)


async def _ask(
    client: InferenceGRPCClient, images: Images, to: Asked, *, raw: bool
) -> Probabilities:
    answer = await client.infer(_request(images, to.model, raw=raw))
    assert (answer.id, answer.model_name) == ("the-7th", to.model)
    [output] = answer.outputs
    assert (output.name, output.datatype) == (OUTPUT, "FP32")
    assert output.shape == [len(images), 10]
    assert bool(output.data) != raw, "the response must have the form of the request"
    return output.as_numpy()


def _request(images: Images, model: str, *, raw: bool) -> InferRequest:
    tensor = InferInput(INPUT, list(images.shape), "UINT8")
    tensor.set_data_from_numpy(images, binary_data=raw)
    return InferRequest(model, [tensor], request_id="the-7th")


async def check(to: Asked) -> None:
    images = to.images[:1]
    async with InferenceGRPCClient(to.address) as client:
        assert await client.is_server_live() is True
        assert await client.is_server_ready() is True
        assert await client.is_model_ready(to.model) is True
        with refused(grpc.RpcError, "NOT_FOUND", "Servable not found for request: missing"):
            await client.is_model_ready("missing")
        for raw in (True, False):
            with refused(grpc.RpcError, "INVALID_ARGUMENT", "must have shape", "[1, 784]"):
                await client.infer(_request(images.reshape(1, 784), to.model, raw=raw))


def main() -> None:
    to = asked()
    asyncio.run(check(to))
    to.write({"raw": partial(_asking, to, raw=True), "typed": partial(_asking, to, raw=False)})


if __name__ == "__main__":
    main()
