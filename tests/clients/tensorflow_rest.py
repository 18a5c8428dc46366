"""TensorFlow Serving's REST API as documented: rows, columns, status, metadata.

Source: TensorFlow Serving, ``g3doc/api_rest.md``.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import requests
from harness import Arguments, Images, Predict, Variant, expect_error, parse_arguments

LABEL = "stable"
SECONDS = 60


def variants(url: str, version: str) -> Mapping[str, Variant]:
    """Return the request variants: in row and column format, with and without input names."""
    by_version, by_label = f"{url}/versions/{version}", f"{url}/labels/{LABEL}"
    return {
        "rows": partial(
            _predictor,
            url,
            lambda images: {"signature_name": "serving_default", "instances": images},
            "predictions",
        ),
        "named rows": partial(
            _predictor,
            by_version,
            lambda images: {"instances": [{"image": image} for image in images]},
            "predictions",
        ),
        "columns": partial(_predictor, by_label, lambda images: {"inputs": images}, "outputs"),
        "named columns": partial(
            _predictor, url, lambda images: {"inputs": {"image": images}}, "outputs"
        ),
    }


@contextmanager
def _predictor(url: str, body: Callable[[Any], dict[str, Any]], key: str) -> Iterator[Predict]:
    with requests.Session() as session:

        def predict(images: Images) -> Any:
            response = _post(session, f"{url}:predict", body(images.tolist()))
            assert list(response) == [key]
            return np.array(response[key], np.float32)

        yield predict


def _post(session: requests.Session, url: str, document: Any) -> dict[str, Any]:
    return _read(session.post(url, json=document, timeout=SECONDS))


def _get(url: str) -> dict[str, Any]:
    return _read(requests.get(url, timeout=SECONDS))


def _read(response: requests.Response) -> dict[str, Any]:
    """Return the JSON document of a response.

    Raises:
        HTTPError: the response is an error; its document has the single key ``error``.
    """
    assert response.headers["content-type"] == "application/json"
    document: dict[str, Any] = response.json()
    if not response.ok:
        [sentence] = document.values()
        assert document == {"error": sentence}
        raise requests.HTTPError(f"[{response.status_code}] {sentence}")
    return document


def check_status(url: str, version: str) -> None:
    status = {"error_code": "OK", "error_message": ""}
    available = {"version": version, "state": "AVAILABLE", "status": status}
    assert available in _get(url)["model_version_status"]
    for where in (f"/versions/{version}", f"/labels/{LABEL}"):
        assert _get(url + where)["model_version_status"] == [available]


def check_metadata(url: str, version: str, args: Arguments) -> None:
    for where in ("", f"/versions/{version}", f"/labels/{LABEL}"):
        found = _get(f"{url}{where}/metadata")
        assert found["model_spec"] == {"name": args.model, "signature_name": "", "version": version}
        signature = found["metadata"]["signature_def"]["signature_def"]["serving_default"]
        assert signature["method_name"] == "tensorflow/serving/predict"
        sizes = ["-1", *map(str, args.images.shape[1:])]
        assert _tensor(signature["inputs"]["image"]) == ("DT_UINT8", sizes)
        assert _tensor(signature["outputs"][args.output]) == ("DT_FLOAT", ["-1", str(args.units)])


def _tensor(info: dict[str, Any]) -> tuple[str, list[str]]:
    return info["dtype"], [dim["size"] for dim in info["tensor_shape"]["dim"]]


def check_errors(url: str, args: Arguments) -> None:
    images = args.images[:1].tolist()
    expect = partial(expect_error, requests.HTTPError)
    cases: list[tuple[str, Any, str, str]] = [
        ("/versions/999", {"instances": images}, "[404]", "Servable not found for request"),
        ("/labels/missing", {"instances": images}, "[404]", "Servable not found for request"),
        ("", {"images": images}, "[400]", "Missing 'inputs' or 'instances' key"),
        ("", {"instances": images, "inputs": images}, "[400]", "expecting only one of"),
        ("", {"instances": []}, "[400]", "instances must be a list of at least one image"),
        ("", {"instances": [[1, 2]]}, "[400]", "instances[0] must be a list of 28"),
        (
            "",
            {"signature_name": "x", "instances": images},
            "[400]",
            'signature name: "x" not found',
        ),
    ]
    with requests.Session() as session:
        for where, document, *words in cases:
            with expect(*words):
                _post(session, f"{url}{where}:predict", document)
        with expect("[400]", "no signature for :"):
            _post(session, f"{url}:classify", {"examples": [{"image": images[0]}]})


def check_pixels(url: str, args: Arguments) -> None:
    """Check that a single pixel that is not an integer from 0 to 255 is rejected by its position.

    1.0 could mean 1 of 255 or full brightness, so scaled pixels must be reported.
    """
    with requests.Session() as session:
        for value in (256, -1, 0.5, 1.0, True, None, "7", [7]):
            images = args.images[:2].tolist()
            images[1][27][3][0] = value
            where = "[1][27][3][0] must be an integer from 0 to 255"
            for key in ("instances", "inputs"):
                with expect_error(requests.HTTPError, f"[400] {key}{where}"):
                    _post(session, f"{url}:predict", {key: images})


def main() -> None:
    args = parse_arguments()
    url = f"{args.address}/v1/models/{args.model}"
    rows = _get(url)["model_version_status"]
    [version] = [row["version"] for row in rows if row["state"] == "AVAILABLE"]
    check_status(url, version)
    check_metadata(url, version, args)
    check_errors(url, args)
    check_pixels(url, args)
    args.write(variants(url, version))


if __name__ == "__main__":
    main()
