"""Checks before a training: what has passed in a process is not checked again."""

import pytest

from pipeline.config import read
from pipeline.errors import ConfigError
from pipeline.training.preflight import check
from tests.support.paths import SMOKE

pytestmark = pytest.mark.tensorflow


def test_another_rate_is_checked_in_the_same_process() -> None:
    """A study must give the same results wherever it is killed and resumed."""
    shape = (28, 28, 1)
    for rate in ("0.1", "0.2"):
        config = read(SMOKE, [f"optimizer={{name: sgd, learning_rate: {rate}}}"])
        assert check(config, image_shape=shape, num_classes=10, run_own_code=False)
    config = read(SMOKE, ["optimizer={name: sgd, learning_rate: 1.0e39}"])
    with pytest.raises(ConfigError, match=r"optimizer\.learning_rate|optimizer in the override"):
        check(config, image_shape=shape, num_classes=10, run_own_code=False)
