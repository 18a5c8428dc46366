"""KServe's InferenceGRPCClient: raw and typed tensors; readiness and errors.

It needs its own process: its messages have the same names as tritonclient's, but differ.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import grpc
from harness import Arguments, Images, Predict, Predictions, expect_error, parse_arguments
from kserve import InferenceGRPCClient, InferInput, InferRequest

INPUT = "image"


@contextmanager
def _predictor(args: Arguments, *, raw: bool) -> Iterator[Predict]:
    """Open a client with its own event loop, so that it can run in a thread."""
    with asyncio.Runner() as loop:
        client = loop.run(_open(args))
        yield lambda images: loop.run(_infer(client, images, args, raw=raw))
        loop.run(client.close())


async def _open(args: Arguments) -> InferenceGRPCClient:
    return InferenceGRPCClient(args.address)


async def _infer(
    client: InferenceGRPCClient, images: Images, args: Arguments, *, raw: bool
) -> Predictions:
    response = await client.infer(_request(images, args.model, raw=raw))
    assert (response.id, response.model_name) == ("the-7th", args.model)
    [output] = response.outputs
    assert (output.name, output.datatype) == (args.output, "FP32")
    assert output.shape == [len(images), args.units]
    assert bool(output.data) != raw, "the response must have the form of the request"
    return output.as_numpy()


def _request(images: Images, model: str, *, raw: bool) -> InferRequest:
    tensor = InferInput(INPUT, list(images.shape), "UINT8")
    tensor.set_data_from_numpy(images, binary_data=raw)
    return InferRequest(model, [tensor], request_id="the-7th")


async def check(args: Arguments) -> None:
    images = args.images[:1]
    async with InferenceGRPCClient(args.address) as client:
        assert await client.is_server_live() is True
        assert await client.is_server_ready() is True
        assert await client.is_model_ready(args.model) is True
        with expect_error(grpc.RpcError, "NOT_FOUND", "Servable not found for request: missing"):
            await client.is_model_ready("missing")
        for raw in (True, False):
            with expect_error(grpc.RpcError, "INVALID_ARGUMENT", "must have shape", "[1, 784]"):
                await client.infer(_request(images.reshape(1, 784), args.model, raw=raw))


def main() -> None:
    args = parse_arguments()
    asyncio.run(check(args))
    args.write(
        {"raw": partial(_predictor, args, raw=True), "typed": partial(_predictor, args, raw=False)}
    )


if __name__ == "__main__":
    main()
