"""The first links of the chain: data, code, and the machine and packages that they ran on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pipeline.artifacts.data_set import split_file
from pipeline.artifacts.stage_facts import DataFacts, TrainFacts
from pipeline.publishing.chain import Outputs, code_of, code_sha256, data_of
from pipeline.publishing.manifest import Manifest
from pipeline.system.machine import Machine, this_machine

Status = Literal["same", "differs", "not recorded", "not compared"]
_TEST = split_file("test", "images")


@dataclass(frozen=True)
class Change:
    """What differs: its name, and its value at the publication and now; None if it was missing."""

    name: str
    then: str | None
    now: str | None


@dataclass(frozen=True)
class Link:
    """A link of the chain: whether it is the same, its SHA-256 if it has one, and what differs."""

    status: Status
    changes: tuple[Change, ...] = ()
    then: str | None = None
    now: str | None = None


NOT_COMPARED = Link("not compared")


def data_link(manifest: Manifest, outputs: Outputs, facts: DataFacts) -> Link:
    """Compare the images and labels of each split; of older versions, the test images."""
    found = data_of(outputs)
    if manifest.provenance is None:
        changes = _changes({_TEST: manifest.data.test_sha256}, {_TEST: found[_TEST]})
    else:
        changes = _changes(manifest.provenance.data, found)
    if not changes:
        return Link("same")
    for split in ("train", "validation", "test"):
        then, now = getattr(manifest.data, split), getattr(facts, split)
        changes += _changes({f"{split} images": f"{then:,}"}, {f"{split} images": f"{now:,}"})
    return Link("differs", changes)


def code_link(manifest: Manifest, outputs: Outputs, workspace: Path) -> Link:
    """Compare the modules that made the files; of older versions, the fingerprint of the training.

    That is the hash of its code and of all else that it depends on.
    """
    found = code_of(outputs, workspace)
    now = code_sha256(found)
    if manifest.provenance is None:
        fingerprint = outputs[TrainFacts.stage].fingerprint
        return Link("same" if fingerprint == manifest.stages.train else "not recorded", now=now)
    recorded = manifest.provenance.code
    changes = _changes(recorded, found)
    return Link("differs" if changes else "same", changes, code_sha256(recorded), now)


def packages_link(manifest: Manifest, outputs: Outputs) -> Link:
    """Compare the versions of the packages that made the files."""
    found: dict[str, str] = {}
    for output in outputs.values():
        found |= output.ingredients.packages
    recorded = {name: version for name, version in manifest.versions.items() if name in found}
    if not recorded:
        return Link("not recorded")
    changes = _changes(recorded, found)
    return Link("differs" if changes else "same", changes)


def machine_link(manifest: Manifest) -> Link:
    """Compare the kind of processor, the number of processors, the system and Python."""
    if manifest.provenance is None:
        return Link("not recorded")
    changes = _changes(_texts(manifest.provenance.machine), _texts(this_machine()))
    return Link("differs" if changes else "same", changes)


def _texts(machine: Machine) -> dict[str, str]:
    values = {**asdict(machine), "instructions": " ".join(machine.instructions)}
    return {name: str(value) for name, value in values.items()}


def _changes(then: Mapping[str, str], now: Mapping[str, str]) -> tuple[Change, ...]:
    names = dict.fromkeys([*then, *now])
    changes = (Change(name, then.get(name), now.get(name)) for name in names)
    return tuple(change for change in changes if change.then != change.now)
