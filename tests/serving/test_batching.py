"""Dynamic batching: every request gets its own predictions, whatever the order of arrival."""

import asyncio
import gc
import time
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.artifacts.model_contract import contract_for
from pipeline.runtimes.predictor import Predictor
from pipeline.serving.batching import Batcher, InferenceResult
from pipeline.serving.errors import ServingError
from pipeline.serving.versions import predict_finite
from pipeline.tasks.registry import task_named

FAST, SLOW = 1e-5, 1.0  # seconds per image: computed on the event loop, or in the thread


def sums(images: Any) -> Any:
    """Predict the sum of each image, twice, so that a prediction identifies its image."""
    total = images.reshape(len(images), -1).sum(axis=1, dtype=np.float32)
    return np.stack([total, total], axis=1)


class Counting:
    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, size: int) -> None:
        self.sizes.append(size)


def make_images(number: int, count: int) -> Any:
    """Return images that no other request contains."""
    images = np.zeros((count, 2, 2, 1), np.uint8)
    images[:, 0, 0, 0] = number % 256
    images[:, 0, 1, 0] = number // 256
    images[:, 1, 0, 0] = np.arange(count) % 256
    return images


async def predict_all(
    batcher: Batcher, requests: list[Any], pauses: list[int]
) -> list[InferenceResult]:
    async def predict(images: Any, pause: int) -> InferenceResult:
        for _ in range(pause):  # iterations of the event loop
            await asyncio.sleep(0)
        return await batcher.predict(images, alone=False, deadline=time.perf_counter() + 60)

    return await asyncio.gather(*map(predict, requests, pauses))


@settings(max_examples=150)
@given(
    sent=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 4)), min_size=1, max_size=60),
    seconds=st.sampled_from([FAST, 1e-4, SLOW]),
)
def test_each_request_gets_its_own_predictions(sent: list[tuple[int, int]], seconds: float) -> None:
    counting = Counting()
    batcher = Batcher(sums, max_images=64, seconds_per_image=seconds, on_batch=counting)
    requests = [make_images(number, count) for number, (count, _) in enumerate(sent)]
    results = asyncio.run(predict_all(batcher, requests, [pause for _, pause in sent]))
    for images, result in zip(requests, results, strict=True):
        np.testing.assert_array_equal(result.predictions, sums(images))
    assert sum(counting.sizes) == sum(len(images) for images in requests)


@pytest.mark.parametrize("seconds", [FAST, SLOW])
def test_simultaneous_requests_form_one_batch(seconds: float) -> None:
    counting = Counting()
    batcher = Batcher(sums, max_images=64, seconds_per_image=seconds, on_batch=counting)
    requests = [make_images(number, 1) for number in range(50)]
    asyncio.run(predict_all(batcher, requests, [0] * 50))
    assert counting.sizes == [50]


def test_batching_can_be_turned_off() -> None:
    counting = Counting()
    batcher = Batcher(sums, max_images=1, seconds_per_image=FAST, on_batch=counting)
    requests = [make_images(number, 1 + number % 2) for number in range(20)]
    results = asyncio.run(predict_all(batcher, requests, [0] * 20))
    for images, result in zip(requests, results, strict=True):
        np.testing.assert_array_equal(result.predictions, sums(images))
    assert counting.sizes == [1, 2] * 10


def test_single_request_runs_immediately() -> None:
    """Inference runs before the next iteration of the event loop."""

    async def run() -> list[str]:
        order: list[str] = []
        batcher = Batcher(
            sums, max_images=64, seconds_per_image=FAST, on_batch=lambda _: order.append("computed")
        )
        asyncio.get_running_loop().call_soon(order.append, "next pass")
        await batcher.predict(make_images(1, 1), alone=True, deadline=time.perf_counter() + 60)
        return [*order, "returned"]

    assert asyncio.run(run()) == ["computed", "returned"]


def test_inference_error_fails_only_its_own_batch() -> None:
    fail = True

    def sometimes(images: Any) -> Any:
        if fail:
            raise ValueError("broken")
        return sums(images)

    async def run() -> None:
        nonlocal fail
        batcher = Batcher(sometimes, max_images=64, seconds_per_image=FAST)
        requests = [make_images(number, 1) for number in range(3)]
        calls = (
            batcher.predict(images, alone=False, deadline=time.perf_counter() + 60)
            for images in requests
        )
        assert [str(e) for e in await asyncio.gather(*calls, return_exceptions=True)] == [
            "broken"
        ] * 3
        fail = False
        [result] = await predict_all(batcher, requests[:1], [0])
        np.testing.assert_array_equal(result.predictions, sums(requests[0]))

    asyncio.run(run())


def test_expired_request_is_skipped() -> None:
    async def run() -> None:
        counting = Counting()
        batcher = Batcher(sums, max_images=64, seconds_per_image=FAST, on_batch=counting)
        now = time.perf_counter()
        late, good = await asyncio.gather(
            batcher.predict(make_images(1, 1), alone=False, deadline=now - 1),
            batcher.predict(make_images(2, 1), alone=False, deadline=now + 60),
            return_exceptions=True,
        )
        assert isinstance(late, ServingError)
        assert late.status == 504
        assert isinstance(good, InferenceResult)
        assert counting.sizes == [1]

    asyncio.run(run())


def test_expired_request_releases_its_images() -> None:
    """An exception refers to frames, and their images would stay until garbage collection."""
    references: list[Any] = []

    async def run() -> None:
        batcher = Batcher(sums, max_images=64, seconds_per_image=FAST)
        images = make_images(1, 20)
        references.append(weakref.ref(images))
        with pytest.raises(ServingError, match="deadline"):
            await batcher.predict(images, alone=False, deadline=time.perf_counter() - 1)

    gc.disable()
    try:
        asyncio.run(run())
        assert references[0]() is None
    finally:
        gc.enable()


def test_request_that_expires_in_the_queue_is_skipped() -> None:
    async def run() -> None:
        counting = Counting()

        def until_late(images: Any) -> Any:
            counting(len(images))
            while time.perf_counter() <= soon:
                time.sleep(0.01)
            return sums(images)

        batcher = Batcher(until_late, max_images=64, seconds_per_image=SLOW)
        soon = time.perf_counter() + 0.5
        first, second = await asyncio.gather(
            batcher.predict(make_images(1, 20), alone=False, deadline=soon + 60),
            batcher.predict(make_images(2, 30), alone=False, deadline=soon),
            return_exceptions=True,
        )
        assert isinstance(first, InferenceResult)
        assert isinstance(second, ServingError)
        assert counting.sizes == [20]

    asyncio.run(run())


def test_nan_prediction_is_an_error() -> None:
    """JSON cannot represent NaN."""

    class Broken(Predictor):
        def _run(self, images: Any) -> Any:
            return np.full((len(images), 2), np.nan, np.float32)

    predictor = Broken()
    predictor.contract = contract_for(task_named("multiclass").output(2), image_shape=(2, 2, 1))
    with pytest.raises(ServingError, match="returned infinity or NaN") as caught:
        predict_finite(predictor, make_images(1, 1))
    assert caught.value.status == 500


def test_cancelled_request_does_not_affect_others() -> None:
    async def run() -> None:
        batcher = Batcher(sums, max_images=64, seconds_per_image=SLOW)
        canceled = asyncio.create_task(
            batcher.predict(make_images(1, 1), alone=False, deadline=time.perf_counter() + 60)
        )
        await asyncio.sleep(0)
        canceled.cancel()
        [result] = await predict_all(batcher, [make_images(2, 3)], [0])
        np.testing.assert_array_equal(result.predictions, sums(make_images(2, 3)))

    asyncio.run(run())
