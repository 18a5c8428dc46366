"""Links of the chain that are compared without a second run."""

from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.artifacts.data_set import SPLITS, split_file
from pipeline.reproduction.links import data_link

FILES = {split_file(split, array): "a" for split in SPLITS for array in ("images", "labels")}
FACTS: Any = SimpleNamespace(train=3, validation=2, test=1)


def link(recorded: dict[str, str] | None, *, test: str = "a") -> Any:
    outputs: Any = {
        "data": SimpleNamespace(outputs={n: SimpleNamespace(sha256=s) for n, s in FILES.items()})
    }
    manifest: Any = SimpleNamespace(
        provenance=None if recorded is None else SimpleNamespace(data=recorded),
        data=SimpleNamespace(test_sha256=test, train=3, validation=2, test=1),
    )
    return data_link(manifest, outputs, FACTS)


@pytest.mark.parametrize("name", FILES)
def test_every_file_must_be_recorded_and_the_same(name: str) -> None:
    assert link(FILES).status == "same"
    for other in ({**FILES, name: "b"}, {n: s for n, s in FILES.items() if n != name}):
        found = link(other)
        assert found.status == "differs"
        assert [change.name for change in found.changes] == [name]
    extra = link({**FILES, "more.npy": "a"})
    assert [change.name for change in extra.changes] == ["more.npy"]


def test_older_versions_have_the_test_images_alone() -> None:
    assert link(None).status == "same"
    assert link(None, test="b").status == "differs"
