"""TensorFlow Serving's REST API as documented: rows, columns, status, metadata.

Source: TensorFlow Serving, ``g3doc/api_rest.md``.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import requests
from asking import Ask, Asked, Images, Way, asked, refused

LABEL = "stable"
SECONDS = 60


def ways(url: str, version: str) -> Mapping[str, Way]:
    """Return the request variants: in row and column format, with and without input names."""
    by_version, by_label = f"{url}/versions/{version}", f"{url}/labels/{LABEL}"
    return {
        "rows": partial(
            _asking,
            url,
            lambda images: {"signature_name": "serving_default", "instances": images},
            "predictions",
        ),
        "named rows": partial(
            _asking,
            by_version,
            lambda images: {"instances": [{"image": image} for image in images]},
            "predictions",
        ),
        "columns": partial(_asking, by_label, lambda images: {"inputs": images}, "outputs"),
        "named columns": partial(
            _asking, url, lambda images: {"inputs": {"image": images}}, "outputs"
        ),
    }


@contextmanager
def _asking(url: str, question: Callable[[Any], dict[str, Any]], key: str) -> Iterator[Ask]:
    with requests.Session() as session:

        def ask(images: Images) -> Any:
            answer = _post(session, f"{url}:predict", question(images.tolist()))
            assert list(answer) == [key]
            return np.array(answer[key], np.float32)

        yield ask


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


def check_metadata(url: str, version: str, to: Asked) -> None:
    for where in ("", f"/versions/{version}", f"/labels/{LABEL}"):
        found = _get(f"{url}{where}/metadata")
        assert found["model_spec"] == {"name": to.model, "signature_name": "", "version": version}
        signature = found["metadata"]["signature_def"]["signature_def"]["serving_default"]
        assert signature["method_name"] == "tensorflow/serving/predict"
        sizes = ["-1", *map(str, to.images.shape[1:])]
        assert _tensor(signature["inputs"]["image"]) == ("DT_UINT8", sizes)
        assert _tensor(signature["outputs"]["probabilities"]) == ("DT_FLOAT", ["-1", "10"])


def _tensor(info: dict[str, Any]) -> tuple[str, list[str]]:
    return info["dtype"], [dim["size"] for dim in info["tensor_shape"]["dim"]]


def check_errors(url: str, to: Asked) -> None:
    images = to.images[:1].tolist()
    refusal = partial(refused, requests.HTTPError)
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
            with refusal(*words):
                _post(session, f"{url}{where}:predict", document)
        with refusal("[400]", "no signature for :"):
            _post(session, f"{url}:classify", {"examples": [{"image": images[0]}]})


def check_pixels(url: str, to: Asked) -> None:
    """Check that a single pixel that is not an integer from 0 to 255 is rejected by its position.

    1.0 could mean 1 of 255 or full brightness, so scaled pixels must be reported.
    """
    with requests.Session() as session:
        for value in (256, -1, 0.5, 1.0, True, None, "7", [7]):
            images = to.images[:2].tolist()
            images[1][27][3][0] = value
            where = "[1][27][3][0] must be an integer from 0 to 255"
            for key in ("instances", "inputs"):
                with refused(requests.HTTPError, f"[400] {key}{where}"):
                    _post(session, f"{url}:predict", {key: images})


def main() -> None:
    to = asked()
    url = f"{to.address}/v1/models/{to.model}"
    rows = _get(url)["model_version_status"]
    [version] = [row["version"] for row in rows if row["state"] == "AVAILABLE"]
    check_status(url, version)
    check_metadata(url, version, to)
    check_errors(url, to)
    check_pixels(url, to)
    to.write(ways(url, version))


if __name__ == "__main__":
    main()
