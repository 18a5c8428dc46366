"""tritonclient's management calls with their defaults, over HTTP and gRPC, on several workers."""

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import tritonclient.grpc
import tritonclient.http
from harness import expect_error
from tritonclient.utils import InferenceServerException

CONNECTIONS = 30  # each is accepted by any of the workers
UNLOADED = "was unloaded. Load it again"


def check(url: str, grpc: str, model: str, token: str) -> None:
    headers = {"authorization": f"Bearer {token}"}
    with (
        tritonclient.http.InferenceServerClient(url) as over_http,
        tritonclient.grpc.InferenceServerClient(grpc) as over_grpc,
    ):
        clients: list[Any] = [over_http, over_grpc]
        for unloading, loading in (clients, clients[::-1]):
            unloading.unload_model(model, headers=headers)
            expect_everywhere(url, grpc, model, headers, UNLOADED)
            unloading.unload_model(model, headers=headers)  # again: nothing changes
            [row] = over_http.get_model_repository_index(headers=headers)
            assert row == {
                "name": model,
                "version": "",
                "state": "UNAVAILABLE",
                "reason": "unloaded",
            }
            loading.load_model(model, headers=headers)
            expect_everywhere(url, grpc, model, headers, None)
        for client in clients:
            check_errors(client, model, headers)


def check_errors(client: Any, model: str, headers: dict[str, str]) -> None:
    for change in (client.load_model, client.unload_model):
        with expect_error(InferenceServerException, "Servable not found for request: missing"):
            change("missing", headers=headers)
        with expect_error(InferenceServerException, "Missing or invalid bearer token"):
            change(model)
    with expect_error(InferenceServerException, "without parameters; got ['config']"):
        client.load_model(model, headers=headers, config="{}")


def expect_everywhere(
    url: str, grpc: str, model: str, headers: dict[str, str], words: str | None
) -> None:
    """Require the same of each worker: predictions, or an error with these words."""
    for _ in range(CONNECTIONS):
        for kind, address in ((tritonclient.http, url), (tritonclient.grpc, grpc)):
            tensor = kind.InferInput("image", [1, 28, 28, 1], "UINT8")
            tensor.set_data_from_numpy(np.zeros((1, 28, 28, 1), np.uint8))
            with kind.InferenceServerClient(address) as client:
                if words is None:
                    client.infer(model, [tensor], headers=dict(headers))  # it adds to them
                else:
                    expect_refused(client.infer, model, tensor, headers, words)


def expect_refused(
    infer: Callable[..., Any], model: str, tensor: Any, headers: dict[str, str], words: str
) -> None:
    with expect_error(InferenceServerException, words):
        infer(model, [tensor], headers=dict(headers))  # it adds to them


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("url", "grpc", "model", "token"):
        parser.add_argument(name)
    check(**vars(parser.parse_args()))
