"""The parsers accept any input or raise ServingError, never another exception."""

import json
import random
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from campaign.mutations import mutated
from pipeline.artifacts.model_contract import contract_for
from pipeline.serving import number_lists, strict_json, tensors
from pipeline.serving.errors import ServingError
from pipeline.serving.json_objects import read_object
from pipeline.serving.number_lists import NumberList
from pipeline.serving.protocols import tensorflow, v2_body
from pipeline.serving.settings import Limits
from pipeline.tasks.registry import task_named

SHAPE = (2, 2, 1)
CONTRACT = contract_for(task_named("multiclass").output(3), image_shape=SHAPE)
VERSION = Mock(contract=CONTRACT, model="m", text="1")  # only these are read
LIMITS = Limits()

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**30, -(10**400)])
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["instances", "inputs", "name", "data", "shape", "parameters", "x"]),
            inner,
        )
    ),
    max_leaves=30,
)


def read_v1(body: bytes) -> Any:
    return read_object(LIMITS, body, lambda document: tensorflow.read_images(document, VERSION))


def read_v2(body: bytes, length: str | None = None) -> Any:
    text, raw = v2_body.split(body, length)
    return v2_body.read_infer(LIMITS, text, raw, VERSION)[1]


def image(values: list[int]) -> Any:
    return np.asarray(values, np.uint8).reshape(-1, *SHAPE)


@settings(max_examples=400)
@given(json_values)
def test_any_json_is_parsed_or_rejected(value: Any) -> None:
    for read in (read_v1, read_v2):
        outcome(read, json.dumps(value).encode())


@settings(max_examples=300)
@given(st.binary(max_size=300), st.none() | st.binary(max_size=5))
def test_random_bytes_are_rejected(body: bytes, length: bytes | None) -> None:
    with pytest.raises(ServingError):
        read_v1(body)
    with pytest.raises(ServingError):
        read_v2(body, None if length is None else length.decode("latin-1"))


@settings(max_examples=300)
@given(json_values)
def test_strict_json_agrees_with_python(value: Any) -> None:
    text = json.dumps(value).encode()
    assume(b"Infinity" not in text)  # Python writes it, but it is not JSON
    assume(number_lists.extract_numbers(text)[1] is None)  # such lists have numbers of 64 bits
    assert strict_json.parse(text)[0] == json.loads(text)


def sentence(read: Any, body: bytes) -> str:
    with pytest.raises(ServingError) as caught:
        read(body)
    assert caught.value.status == 400
    return str(caught.value)


@pytest.mark.parametrize("number", ["1" * 30, "-" + "1" * 400, "1e999"])
def test_numbers_beyond_a_double_are_rejected_as_pixels(number: str) -> None:
    message = sentence(read_v1, b'{"instances": [[[[1],[%s]],[[3],[4]]]]}' % number.encode())
    shown = "inf" if "e" in number else number[:30]
    assert f"instances[0][0][1][0] must be an integer from 0 to 255; got {shown}" in message
    message = sentence(read_v1, b'{"instances": [%s]}' % number.encode())
    assert f"instances[0] must be a list of 2; got {shown}" in message
    message = sentence(read_v1, b'{"inputs": {"image": %s}}' % number.encode())
    assert f"inputs must be a list of at least one image; got {shown}" in message


def test_values_that_cannot_be_shown_are_described() -> None:
    message = sentence(read_v1, b'{"instances": [[[[1],[[%s]]],[[3],[4]]]]}' % (b"1" * 30))
    assert "instances[0][0][1][0] must be an integer" in message
    assert "got a deeply nested value, or a number of more than 64 bits" in message


@pytest.mark.parametrize("timeout", [-1, 2**64, 10**400, 1.5])
def test_timeout_must_have_64_bits(timeout: float) -> None:
    tensor = {"name": "image", "datatype": "UINT8", "shape": [1, *SHAPE], "data": [0] * 4}
    document = {"inputs": [tensor], "parameters": {"timeout": timeout}}
    assert f"64 bits; got {timeout!r:.60}." in sentence(read_v2, json.dumps(document).encode())


def test_mistake_is_reported_with_its_position() -> None:
    assert "Invalid JSON: expected value at line 2 column 2." in sentence(read_v1, b'{"a":\n NaN}')
    assert "Invalid JSON: trailing comma at line 1 column 8." in sentence(read_v1, b'{"a":1,}')
    key = "k" * 10_000
    message = sentence(read_v1, f'{{"{key}": 1, "{key}": 2}}'.encode())
    assert "without duplicate keys" in message
    assert 'k" at line 1 column 20012.' in message
    assert len(message) < 300


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": 1, "a": 2}',
        b'{"a": 1, "\\u0061": 2}',
        b'[{"b": [{"a": {}, "c": "\\"", "a": {}}]}]',
        b'{"a": %s, "a": 2}' % (b"[" + b"1," * 400 + b"1]"),
        b'{"a": 1, "b": %s, "a": 2}' % (b"[" + b"1," * 400 + b"1]"),
    ],
)
def test_duplicate_keys_are_rejected(text: bytes) -> None:
    assert 'duplicate key "a"' in sentence(strict_json.parse, text)
    other = text.replace(b'"a"', b'"A"', 1)
    assert whole(strict_json.parse(other)[0]) == json.loads(other)


@settings(max_examples=300)
@given(st.lists(st.tuples(*[st.integers(0, 255)] * 4), min_size=1, max_size=300))
def test_valid_requests_are_read_exactly(images: list[tuple[int, ...]]) -> None:
    values = [value for pixels in images for value in pixels]
    expected = image(values)
    rows = json.dumps({"instances": expected.tolist()}).encode()
    np.testing.assert_array_equal(read_v1(rows)[0], expected)
    tensor: dict[str, Any] = {
        "name": "image", "datatype": "UINT8", "shape": list(expected.shape),
    }  # fmt: skip
    flat = json.dumps({"inputs": [{**tensor, "data": values}]}).encode()
    np.testing.assert_array_equal(read_v2(flat), expected)
    tensor["parameters"] = {"binary_data_size": len(values)}
    text = json.dumps({"inputs": [tensor]}).encode()
    body = text + bytes(values)
    np.testing.assert_array_equal(read_v2(body, str(len(text))), expected)


def test_cached_json_is_not_mixed_up() -> None:
    tensor = {"name": "image", "datatype": "UINT8", "parameters": {"binary_data_size": 8}}
    raw = memoryview(bytes(range(8)))
    for number in [*range(1000, 1600), *range(1000, 1100)]:  # more than are cached, then again
        document = {"id": str(number), "inputs": [{**tensor, "shape": [2, *SHAPE]}]}
        text = json.dumps(document).encode()
        request, images = v2_body.read_infer(LIMITS, text, raw, VERSION)
        assert (request.id, len(images)) == (str(number), 2)
        assert len(v2_body._cache[VERSION]) <= 256


def requests_of(count: int) -> list[bytes]:
    """Return valid requests of both protocols, with the spacing of Python, browsers and others."""
    images = np.arange(count * 4, dtype=np.uint8).reshape(count, *SHAPE)
    tensor = {"name": "image", "datatype": "UINT8", "shape": list(images.shape)}
    documents: list[Any] = [
        {"signature_name": "serving_default", "instances": images.tolist()},
        {"inputs": {"image": images.tolist()}},
        {"instances": [{"image": image} for image in images.tolist()]},
        {"id": "a", "inputs": [{**tensor, "data": images.ravel().tolist()}]},
        {"inputs": [{**tensor, "data": images.tolist()}], "outputs": [{"name": "probabilities"}]},
        {"inputs": [{**tensor, "parameters": {"binary_data_size": images.size}}]},
    ]
    spacings = [(", ", ": "), (",", ":"), (" ,\n", " :\t")]
    return [json.dumps(d, separators=s).encode() for d in documents for s in spacings]


def outcome(read: Any, body: bytes) -> bytes | None:
    """Return the pixels, or None if the request was rejected."""
    try:
        found = read(body)
    except ServingError as problem:
        if problem.status not in {400, 501}:
            raise
        return None
    images = found[0] if isinstance(found, tuple) else found
    return bytes(images.tobytes())


def read_v2_binary(body: bytes) -> Any:
    return read_v2(body + bytes(8), str(len(body)))


@pytest.mark.parametrize("count", [2, 200])
@pytest.mark.parametrize("seed", range(3))
def test_mutated_requests_are_read_as_by_a_plain_parser(
    monkeypatch: pytest.MonkeyPatch, count: int, seed: int
) -> None:
    """Reading long lists of numbers without building them must not change the result."""
    chance = random.Random(seed)
    bodies = requests_of(count)
    changed = [mutated(chance.choice(bodies), chance) for _ in range(3000)]
    document = [(read, b) for b in bodies + changed for read in (read_v1, read_v2, read_v2_binary)]
    quick = [outcome(read, body) for read, body in document]
    monkeypatch.setattr(number_lists, "_LONG", 10**9)
    assert quick == [outcome(read, body) for read, body in document]
    assert sum(found is not None for found in quick) > 50


@pytest.mark.parametrize(
    "text",
    [
        b"[1[2],[3],[4]]",
        b"[[1]2,[3],[4]]",
        b"[[1 2],[3],[4]]",
        b"[7 [],[3],[4]]",
        b"[[] 7,[3],[4]]",
        b"[[1],[3] 7,[]]",
        b"[[01],[3],[4]]",
        b"[[1],[3],[4],]",
        b"[[1],[3],,[4]]",
        b"[[1],[3][4]]",
        b"[[1],[-3],[4]]",
        b"[[1],[3.0],[4]]",
        b"[[1],[256],[4]]",
        b"[[1],[],[4]]",
        b"[[1],[3],[4]",
        b"1,3,4",
    ],
)
def test_invalid_lists_are_not_read_as_images(text: bytes) -> None:
    assert NumberList(b"[[1],[3],[4]]").images((1,), flat=False) is not None
    assert NumberList(text).images((1,), flat=False) is None


def whole(value: Any) -> Any:
    """Return a value with the list that is still text parsed."""
    if isinstance(value, NumberList):
        return value.parsed()
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    return [whole(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "text",
    [
        b'{"x": %s}',
        b"%s",
        b'[%s, "@numbers"]',
        b'{"a": [[%s]], "b": {"c": 1}}',
        b'{"a": [1, "x"], "b": [[2], {"c": %s}, []]}',
        b'{"a": "[1, 2]", "b": [%s, {"c": {}}]}',
    ],
)
def test_list_is_put_back_in_its_place(text: bytes) -> None:
    text %= b"[" + b"1," * 400 + b"1]"
    assert whole(strict_json.parse(text)[0]) == json.loads(text)


@pytest.mark.parametrize("text", [b"{%s: 1}", b'{"x": 1 %s}', b'{"x": %s', b'{"x": "%s}'])
def test_list_does_not_hide_invalid_json(text: bytes) -> None:
    with pytest.raises(ServingError, match="must be JSON"):
        strict_json.parse(text % (b"[" + b"1," * 400 + b"1]"))


@pytest.mark.parametrize(
    "ignored", [b"[NaN%s]", b"[1,,%s 1]", b"[01%s]", b"[1%s]]]]", b"[1%s],[1]", b"[1%s bad]"]
)
def test_ignored_lists_must_be_json_too(ignored: bytes) -> None:
    """The longest list of numbers stays text, and this one is never read."""
    ignored %= b", 1" * 400
    with pytest.raises(ServingError, match="must be JSON"):
        read_v1(b'{"instances": [[[[1],[2]],[[3],[4]]]], "more": %s}' % ignored)


def test_adjacent_lists_are_not_joined() -> None:
    numbers = b"[1%s]" % (b", 1" * 300)
    ignored = b'["s", %s, 5, %s, "t"]' % (numbers, numbers)
    read_v1(b'{"instances": [[[[1],[2]],[[3],[4]]]], "more": %s}' % ignored)


@pytest.mark.parametrize("count", [1, 3])
def test_raw_bytes_of_wrong_length_are_refused(count: int) -> None:
    with pytest.raises(ServingError, match=f"must have {4 * count} bytes for {count} image"):
        tensors.from_bytes(bytes(5), SHAPE, count, "it")
