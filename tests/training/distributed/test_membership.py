"""Which worker a process is, by ``TF_CONFIG``, and what is said about values that are wrong."""

import json
import sys
from unittest.mock import Mock

import pytest

from pipeline.commands.distributed import joined
from pipeline.config.batch_size import batch_size_of
from pipeline.config.schema import Config
from pipeline.config.training_schema import Train
from pipeline.errors import ConfigError, MissingExtra, RequestError
from pipeline.training.distributed.membership import (
    Membership,
    find_membership,
    parse,
    require_workers,
)

TWO = ["10.0.0.1:2222", "10.0.0.2:2222"]
EXAMPLE = (
    'Write a value such as {"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": '
    '{"type": "worker", "index": 0}}, with each worker\'s own index, or unset the variable.'
)


def variable(cluster: object, job: str = "worker", index: object = 0) -> str:
    return json.dumps({"cluster": cluster, "task": {"type": job, "index": index}})


def config(workers: int = 2) -> Config:
    return Config(name="a", train=Train(workers=workers))


def test_variable_without_workers_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    progress = Mock()
    monkeypatch.setenv("TF_CONFIG", variable({"worker": TWO}))
    with joined(config(workers=1), None, progress):
        pass
    progress.notice.assert_called_once_with(
        "TF_CONFIG is set, but train.workers is 1: this process trains alone."
    )
    monkeypatch.delenv("TF_CONFIG")
    with joined(config(workers=1), None, progress):
        pass
    assert progress.notice.call_count == 1


def test_workers_have_the_order_of_their_addresses() -> None:
    found = parse(variable({"worker": TWO}, index=1))
    assert found == Membership(1, tuple(TWO))
    assert (found.size, found.leads) == (2, False)
    assert found.cluster == {"worker": TWO}
    assert found.named(1) == "worker 1 (10.0.0.2:2222)"


@pytest.mark.parametrize(("job", "index", "rank"), [("chief", 0, 0), ("worker", 1, 2)])
def test_chief_is_worker_0(job: str, index: int, rank: int) -> None:
    cluster = {"chief": ["[::1]:1"], "worker": TWO}
    found = parse(variable(cluster, job, index))
    assert found.rank == rank
    assert found.leads == (rank == 0)
    assert found.cluster == cluster
    assert [found.task_of(n) for n in range(3)] == [("chief", 0), ("worker", 0), ("worker", 1)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("workers", "JSON"),
        ("[]", "an object whose cluster has the job worker, chief, or both"),
        (variable({"ps": TWO}), "an object whose cluster has the job worker, chief, or both"),
        (
            variable({"worker": ["10.0.0.1"]}),
            "an object whose cluster lists each HOST:PORT, and at most one chief",
        ),
        (
            variable({"worker": ["a:0"]}),
            "an object whose cluster lists each HOST:PORT, and at most one chief",
        ),
        (
            variable({"chief": TWO, "worker": ["c:1"]}),
            "an object whose cluster lists each HOST:PORT, and at most one chief",
        ),
        (
            variable({"worker": [TWO[0], TWO[0]]}),
            "an object whose cluster lists each HOST:PORT once",
        ),
        *(
            (
                variable({"worker": TWO}, job, index),
                "an object whose task is the type and index of an address in cluster",
            )
            for job, index in [("worker", 2), ("worker", -1), ("worker", True), ("chief", 0)]
        ),
    ],
)
def test_invalid_value_is_explained(text: str, expected: str) -> None:
    with pytest.raises(RequestError) as error:
        parse(text)
    assert str(error.value) == (
        f"The environment variable TF_CONFIG must be {expected}; got {text!r}. {EXAMPLE}"
    )


def test_long_value_is_cut() -> None:
    with pytest.raises(RequestError, match=r"got 'x{200}\.\.\.'\. Write"):
        parse("x" * 1000)


def test_numbers_of_workers_must_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", variable({"worker": TWO}))
    assert find_membership(config()) == Membership(0, tuple(TWO))
    with pytest.raises(ConfigError) as error:
        find_membership(config(3))
    assert str(error.value) == (
        "train.workers must be the number of workers in TF_CONFIG, 2; got 3 in the configuration. "
        "Set train.workers=2, or list 3 workers in TF_CONFIG."
    )


def test_variable_is_ignored_by_a_single_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", "of another program")
    assert find_membership(config(1)) is None
    require_workers(config(1))


def test_workers_without_variable_need_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)  # cannot be imported
    with pytest.raises(MissingExtra) as error:
        require_workers(config())
    assert str(error.value) == (
        "Training with 2 workers (train.workers in the configuration) where TF_CONFIG does not "
        "name them requires packages that are not installed. To install them: pip install "
        "'dense-pipeline[ray]' (in a clone: make ray)"
    )


def test_every_worker_needs_an_image_of_each_batch() -> None:
    few = Config(name="a", train=Train(workers=3, batch_size=2))
    with pytest.raises(ConfigError) as error:
        batch_size_of(few, 100)
    assert str(error.value) == (
        "train.workers must be at most the number of images in a batch, 2; got 3 in the "
        "configuration. Use fewer workers, or a larger train.batch_size."
    )
    assert batch_size_of(config(2), 1000) == 128
