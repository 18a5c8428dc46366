"""KServe's InferenceRESTClient: V1, and V2 as JSON and as raw bytes; readiness and errors."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial

import httpx
import numpy as np
from harness import Arguments, Images, Predict, Predictions, expect_error, parse_arguments
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

INPUT = "image"
Infer = Callable[[InferenceRESTClient, Images], Awaitable[Predictions]]


@contextmanager
def _predictor(protocol: str, infer: Infer) -> Iterator[Predict]:
    """Open a client with its own event loop, so that it can run in a thread."""
    with asyncio.Runner() as loop:
        client = InferenceRESTClient(RESTConfig(protocol=protocol))
        yield lambda images: loop.run(infer(client, images))
        loop.run(client.close())


async def infer_v1(client: InferenceRESTClient, images: Images, args: Arguments) -> Predictions:
    document = {"instances": images.tolist()}
    response = await client.infer(args.address, document, model_name=args.model)
    return np.array(response["predictions"], np.float32)


async def infer_v2(
    client: InferenceRESTClient,
    images: Images,
    args: Arguments,
    *,
    binary_in: bool,
    binary_out: bool,
) -> Predictions:
    request = _request(images, args, binary=binary_in)
    if binary_out:
        request.request_outputs = [RequestedOutput(args.output, {"binary_data": True})]
    response = await client.infer(args.address, request, model_name=args.model)
    assert (response.id, response.model_name) == ("the-7th", args.model)
    [output] = response.outputs
    assert (output.name, output.datatype) == (args.output, "FP32")
    assert output.shape == [len(images), args.units]
    return output.as_numpy()


def _request(images: Images, args: Arguments, *, binary: bool) -> InferRequest:
    tensor = InferInput(INPUT, list(images.shape), "UINT8")
    tensor.set_data_from_numpy(images, binary_data=binary)
    return InferRequest(args.model, [tensor], request_id="the-7th")


async def check_readiness(
    v1: InferenceRESTClient, v2: InferenceRESTClient, args: Arguments
) -> None:
    assert await v1.is_model_ready(args.address, args.model) is True
    assert await v1.is_server_live(args.address) is True
    assert await v2.is_server_live(args.address) is True
    assert await v2.is_server_ready(args.address) is True
    assert await v2.is_model_ready(args.address, args.model) is True
    assert await v2.is_model_ready(args.address, "missing") is False


async def check_errors(v1: InferenceRESTClient, v2: InferenceRESTClient, args: Arguments) -> None:
    images = args.images[:1]
    expect = partial(expect_error, httpx.HTTPStatusError)
    for client in (v1, v2):
        with expect("Servable not found for request: missing", "404"):
            data = {"instances": images.tolist()}
            await client.infer(args.address, data, model_name="missing")
    with expect("Servable not found for request: missing", "404"):
        await v1.is_model_ready(args.address, "missing")
    with expect("Missing 'inputs' or 'instances' key", "400"):
        await v1.infer(args.address, {"pixels": []}, model_name=args.model)
    for binary in (True, False):
        with expect("must have shape [batch, 28, 28, 1]", "[1, 784]", "400"):
            request = _request(images.reshape(1, 784), args, binary=binary)
            await v2.infer(args.address, request, model_name=args.model)


async def check(args: Arguments) -> None:
    v1, v2 = (InferenceRESTClient(RESTConfig(protocol=name)) for name in ("v1", "v2"))
    await check_readiness(v1, v2, args)
    await check_errors(v1, v2, args)
    await v1.close()
    await v2.close()


def main() -> None:
    args = parse_arguments()
    asyncio.run(check(args))
    text = partial(infer_v2, args=args, binary_in=False, binary_out=False)
    mixed = partial(infer_v2, args=args, binary_in=True, binary_out=False)
    binary = partial(infer_v2, args=args, binary_in=True, binary_out=True)
    args.write(
        {
            "V1": partial(_predictor, "v1", partial(infer_v1, args=args)),
            "V2 JSON": partial(_predictor, "v2", text),
            "V2 binary in": partial(_predictor, "v2", mixed),
            "V2 binary in and out": partial(_predictor, "v2", binary),
        }
    )


if __name__ == "__main__":
    main()
