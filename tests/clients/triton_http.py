"""tritonclient.http: binary tensors (its default), JSON, asynchronously; metadata and errors."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from harness import (
    THREADS,
    Arguments,
    Images,
    Predict,
    Predictions,
    expect_error,
    other_outputs,
    parse_arguments,
)

INPUT = "image"


def _input(images: Images, *, binary: bool = True) -> triton.InferInput:
    tensor = triton.InferInput(INPUT, images.shape, "UINT8")
    return tensor.set_data_from_numpy(images, binary_data=binary)


def _read(result: triton.InferResult, args: Arguments, *, binary: bool) -> Predictions:
    output = result.get_output(args.output)
    assert ("data" not in output) == binary, "the response is in the wrong format"
    predictions = result.as_numpy(args.output)
    assert predictions.shape == tuple(output["shape"])
    return predictions


@contextmanager
def default(args: Arguments) -> Iterator[Predict]:
    """Send binary input; the output is binary too, since none is requested by name."""
    with triton.InferenceServerClient(args.address) as client:
        yield lambda images: _read(client.infer(args.model, [_input(images)]), args, binary=True)


@contextmanager
def text(args: Arguments) -> Iterator[Predict]:
    outputs = [triton.InferRequestedOutput(args.output, binary_data=False)]

    def predict(images: Images) -> Predictions:
        tensor = _input(images, binary=False)
        return _read(client.infer(args.model, [tensor], outputs=outputs), args, binary=False)

    with triton.InferenceServerClient(args.address) as client:
        yield predict


@contextmanager
def mixed(args: Arguments) -> Iterator[Predict]:
    """Send compressed binary input and request JSON, by version."""
    outputs = [triton.InferRequestedOutput(args.output, binary_data=False)]
    with triton.InferenceServerClient(args.address) as client:
        [version] = client.get_model_metadata(args.model)["versions"]
        compression = {f"{way}_compression_algorithm": "gzip" for way in ("request", "response")}
        options = {"outputs": outputs, **compression}
        yield lambda images: _read(
            client.infer(args.model, [_input(images)], version, **options), args, binary=False
        )


@contextmanager
def concurrent(args: Arguments) -> Iterator[Predict]:
    """Split a batch into several concurrent requests."""
    with triton.InferenceServerClient(args.address, concurrency=THREADS) as client:

        def predict(images: Images) -> Predictions:
            parts = np.array_split(images, min(THREADS, len(images)))
            pending = [client.async_infer(args.model, [_input(part)]) for part in parts]
            predictions = [_read(one.get_result(), args, binary=True) for one in pending]
            return np.concatenate(predictions)

        yield predict


@contextmanager
def asyncio_client(args: Arguments) -> Iterator[Predict]:
    """Send each image of a batch as a separate request, all concurrently."""

    async def predict(images: Images) -> Predictions:
        async with triton_aio.InferenceServerClient(args.address) as client:
            ones = [_input(images[i : i + 1]) for i in range(len(images))]
            responses = await asyncio.gather(*(client.infer(args.model, [one]) for one in ones))
            return np.concatenate([_read(response, args, binary=True) for response in responses])

    yield lambda images: asyncio.run(predict(images))


def check_metadata(client: triton.InferenceServerClient, args: Arguments) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(args.model)
    assert not client.is_model_ready("missing")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    found = client.get_model_metadata(args.model)
    shape = [-1, *args.images.shape[1:]]
    assert found["name"] == args.model
    assert found["inputs"] == [{"name": INPUT, "datatype": "UINT8", "shape": shape}]
    assert found["outputs"] == [
        {"name": args.output, "datatype": "FP32", "shape": [-1, args.units]}
    ]
    [version] = found["versions"]
    assert client.is_model_ready(args.model, version)
    assert client.get_model_metadata(args.model, version) == found
    ready = [row for row in client.get_model_repository_index() if row["state"] == "READY"]
    assert (args.model, version) in [(row["name"], row["version"]) for row in ready]
    response = client.infer(
        args.model, [_input(args.images[:1])], request_id="the-7th"
    ).get_response()
    assert (response["id"], response["model_name"]) == ("the-7th", args.model)
    assert response["model_version"] == version


def check_extensions(client: triton.InferenceServerClient, args: Arguments) -> None:
    assert {"model_configuration", "model_repository", "statistics"} <= {
        *client.get_server_metadata()["extensions"]
    }
    config = client.get_model_config(args.model)
    assert (config["name"], config["backend"]) == (args.model, "onnxruntime")
    assert config["max_batch_size"] > len(args.images)
    dims = [*args.images.shape[1:]]
    assert config["input"] == [{"name": INPUT, "data_type": "TYPE_UINT8", "dims": dims}]
    output = {"name": args.output, "data_type": "TYPE_FP32", "dims": [args.units]}
    assert config["output"] == [output]
    [version] = client.get_model_metadata(args.model)["versions"]
    assert client.get_model_config(args.model, version) == config
    before = statistics(client, args.model)
    client.infer(args.model, [_input(args.images[:2])])
    with expect_error(triton.InferenceServerException, "unexpected inference input"):
        client.infer(args.model, [triton.InferInput("x", [1], "UINT8")])
    after = statistics(client, args.model, version)
    assert after["last_inference"] > before["last_inference"]
    assert after["inference_count"] - before["inference_count"] == 2
    assert after["execution_count"] - before["execution_count"] == 1
    parts = after["inference_stats"]
    for part in ("success", "fail", "queue", "compute_infer"):
        assert parts[part]["count"] - before["inference_stats"][part]["count"] == 1, part
        assert part == "queue" or parts[part]["ns"] > before["inference_stats"][part]["ns"], part
    assert parts["success"]["ns"] >= parts["queue"]["ns"] + parts["compute_infer"]["ns"]
    assert after in client.get_inference_statistics()["model_stats"]
    for change in (client.load_model, client.unload_model):
        with expect_error(triton.InferenceServerException, "[403] Models can be loaded"):
            change(args.model)


def statistics(client: triton.InferenceServerClient, *names: str) -> dict[str, Any]:
    [found] = client.get_inference_statistics(*names)["model_stats"]
    return found


def check_errors(client: triton.InferenceServerClient, args: Arguments) -> None:
    image = args.images[:1]
    expect = partial(expect_error, triton.InferenceServerException)
    with expect("[404] Servable not found for request: missing"):
        client.infer("missing", [_input(image)])
    for call in (client.get_model_config, client.get_inference_statistics):
        with expect("[404] Servable not found for request: missing"):
            call("missing")
        with expect("[404] Servable not found for request: version 999"):
            call(args.model, "999")
    with expect("[404] Servable not found for request: version 999"):
        client.infer(args.model, [_input(image)], model_version="999")
    with expect("[400] inference input 'image'", "[batch, 28, 28, 1]", "[1, 784]"):
        client.infer(args.model, [_input(image.reshape(1, 784))])
    floats = triton.InferInput(INPUT, image.shape, "FP32")
    with expect("[400] inference input 'image'", "must have datatype UINT8"):
        client.infer(args.model, [floats.set_data_from_numpy(image.astype(np.float32))])
    for name in other_outputs(args):
        expected = f"expected '{args.output}', FP32 of shape [batch, {args.units}]"
        with expect(f"[400] unexpected inference output '{name}'", expected):
            outputs = [triton.InferRequestedOutput(name)]
            client.infer(args.model, [_input(image)], outputs=outputs)
    with expect("[415] Content-Encoding must be gzip or identity; got 'deflate'."):
        client.infer(args.model, [_input(image)], request_compression_algorithm="deflate")
    with expect("[501] The classification extension"):
        outputs = [triton.InferRequestedOutput(args.output, class_count=3)]
        client.infer(args.model, [_input(image)], outputs=outputs)


VARIANTS = (default, text, mixed, concurrent, asyncio_client)


def main() -> None:
    args = parse_arguments()
    with triton.InferenceServerClient(args.address) as client:
        check_metadata(client, args)
        check_extensions(client, args)
        check_errors(client, args)
    args.write({variant.__name__: partial(variant, args) for variant in VARIANTS})


if __name__ == "__main__":
    main()
