"""Run schemathesis against a server, with requests that its OpenAPI document allows and others."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.cli import schemathesis as command

CONFIG = Path(__file__).parent / "schemathesis.toml"
TOKEN = os.environ.get("PIPELINE_SERVE_TOKEN")


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Write whole numbers as integers.

    In a JSON schema, 40.0 is an integer. The server deliberately rejects it, so that pixels scaled
    to 0.0 and 1.0 are not mistaken for raw ones.
    """
    if isinstance(body, float) and body.is_integer():
        return int(body)
    if isinstance(body, list):
        return [map_body(context, item) for item in body]
    if isinstance(body, dict):
        return {key: map_body(context, item) for key, item in body.items()}
    return body


@schemathesis.deserializer("application/octet-stream")
def json_part(_context: Any, response: Any) -> Any:
    """Return the JSON before the tensors; the clients of the protocols check the tensors."""
    [length] = response.headers["inference-header-content-length"]
    return json.loads(response.content[: int(length)])


def main() -> None:
    document, url, *given = sys.argv[1:]
    options = ["--url", url, "--checks", "all", "--no-color", *given]
    if TOKEN:
        options += ["--header", f"Authorization: Bearer {TOKEN}"]
    command(["--config-file", str(CONFIG), "run", document, *options])


if __name__ == "__main__":
    main()
