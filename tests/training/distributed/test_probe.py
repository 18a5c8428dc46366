"""The warning that several workers are slower than one."""

import pytest

from pipeline.training.distributed.probe import StepSeconds

pytestmark = pytest.mark.tensorflow  # which the module of the steps imports


def test_slow_steps_are_explained() -> None:
    found = StepSeconds(workers=2, step=0.0024, of_one=0.0008, gradient=0.0003, update=0.0002)
    assert found.warning() == (
        "2 workers are slower than one for this network and batch: a step takes 2.40 ms, "
        "compared with 0.80 ms in one process. Communication between the workers takes 1.90 ms of "
        "each step. Use a larger train.batch_size, with optimizer.scale_with_batch and a warmup, "
        "average the weights every few steps instead (train.average_every), run the trials of a "
        "study in parallel, or set train.workers=1."
    )


def test_slow_averages_are_explained() -> None:
    found = StepSeconds(2, 0.0024, 0.0008, gradient=0.0010, update=0.0008, average_every=4)
    communication = "Communication between the workers takes 1.20 ms of each step."
    assert communication in str(found.warning())
    assert "and a warmup, a larger train.average_every, run the trials" in str(found.warning())


def test_faster_steps_need_no_warning() -> None:
    assert (
        StepSeconds(workers=4, step=0.1, of_one=0.2, gradient=0.05, update=0.01).warning() is None
    )
