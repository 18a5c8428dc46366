"""What several workers require of other keys."""

import pytest

from pipeline.config import read
from pipeline.config.workers import check_workers
from pipeline.errors import ConfigError
from tests.support.paths import SMOKE


def test_averages_of_one_worker_are_refused() -> None:
    with pytest.raises(ConfigError) as raised:
        check_workers(read(SMOKE, ["train.average_every=4"]))
    assert str(raised.value) == (
        "Averaging the weights requires several workers; got train.workers: 1 "
        "(train.average_every in the override 'train.average_every=4'). Remove the key, or set "
        "train.workers=2 or more."
    )


def test_averages_of_several_workers_are_accepted() -> None:
    check_workers(read(SMOKE, ["train.average_every=4", "train.workers=2"]))


def test_more_workers_than_images_in_a_batch_are_refused() -> None:
    with pytest.raises(ConfigError) as raised:
        check_workers(read(SMOKE, ["train.batch_size=2", "train.workers=3"]))
    assert str(raised.value) == (
        "train.workers must be at most the number of images in a batch, 2; got 3 in the override "
        "'train.workers=3'. Use fewer workers, or a larger train.batch_size."
    )
