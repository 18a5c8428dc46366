"""Times of inference requests reach the metrics, those of other workers within a second."""

import asyncio

import pytest

from pipeline.serving import inference_times, metrics, pending_metrics
from pipeline.serving.worker import _flush_metrics

ROUTE = "/v2/models/{name}/infer"


def seconds(model: str) -> dict[str, float]:
    return {
        sample.labels["part"]: sample.value
        for sample in metrics.samples()
        if sample.name == "pipeline_inference_seconds_total" and sample.labels["model"] == model
    }


def test_times_are_passed_on_while_the_worker_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending_metrics, "FLUSH_SECONDS", 0.001)

    async def run() -> None:
        flushing = asyncio.create_task(_flush_metrics())
        async with asyncio.timeout(60):
            while not seconds("timed").get("success"):
                await asyncio.sleep(0.001)
        flushing.cancel()

    inference_times.add_request(ROUTE, "timed", "1", 200, 2.0)
    inference_times.add_request(ROUTE, "timed", "1", 400, 0.5)
    inference_times.add_request("/v2/models/{name}/ready", "timed", "1", 200, 7.0)
    inference_times.add_request(ROUTE, "", "", 404, 7.0)
    inference_times.times_of("timed", "1").add_batch(0.25, 1.0)
    asyncio.run(run())
    assert seconds("timed") == {"success": 2.0, "fail": 0.5, "queue": 0.25, "infer": 1.0}
    inference_times.flush()
    assert seconds("timed")["success"] == 2.0
