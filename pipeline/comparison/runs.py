"""Sides from run records: one run, or all runs that differ only in their seed."""

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.comparison.sides import RUN, SEED, Member, Side, TestSet
from pipeline.comparison.stored import flat_config, stored_member
from pipeline.engine.records import Record
from pipeline.engine.store import Store
from pipeline.errors import RequestError

MIN_DIGITS = 4  # of the hash that stands for a run
# Keys that neither training nor evaluation reads, and the seed.
_WHERE = {f"data.{key}" for key in ("path", "manual_dir", "tfds_dir", "mirrors", "offline")}
_IGNORED = {SEED, "name"} | _WHERE
_IGNORED_SECTIONS = ("export.", "verify.", "publish.")


def find_run(text: str, records: Iterable[Record]) -> Record | None:
    """Return the newest record with this name and hash, or whose hash begins with these digits.

    Raises:
        RequestError: several hashes begin with them.
    """
    found = [record for record in records if _is_named(record, text)]
    if len({record.fingerprint for record in found}) > 1:
        listed = ", ".join(sorted(record.id for record in found))
        raise RequestError(
            f"Several runs have a hash that begins with {text!r}: {listed}. Write more of its "
            "digits, or one of these names."
        )
    return found[0] if found else None


def run_side(text: str, record: Record, store: Store) -> Side:
    """Return a side with the network of one run.

    Raises:
        RequestError: one of its outputs is missing or altered.
    """
    member = member_of(record, store)
    return Side(text, RUN, f"the run {record.id}", (member,), command_of(record))


def member_of(record: Record, store: Store) -> Member:
    """Return the network of a run.

    Raises:
        RequestError: one of its outputs is missing or altered.
    """
    return stored_member(record.id, flat_config(record.config), record.stages, store)


def members_like(
    config: Mapping[str, Any],
    records: Iterable[Record],
    store: Store,
    test_set: TestSet | None = None,
) -> tuple[Member, ...]:
    """Return the networks of the runs whose configuration differs in the seed alone, by seed.

    For each seed, the newest run with all outputs is taken. All
    have the same test set: the given one, or else that of the newest run.
    """
    wanted = _identity(config)
    found: dict[int, Member] = {}
    for record in records:
        values = flat_config(record.config)
        if _identity(values) != wanted or values[SEED] in found:
            continue
        try:
            member = member_of(record, store)
        except RequestError:  # interrupted, ended before ``evaluate``, or its outputs were removed
            continue
        test_set = test_set or member.test_set
        if _same_test(member.test_set, test_set):
            found[member.seed] = member
    return tuple(found[seed] for seed in sorted(found))


def command_of(record: Record) -> str:
    """Return the arguments of ``pipeline run`` for a run, without its seed."""
    overrides = [text for text in record.overrides if not text.startswith(f"{SEED}=")]
    return " ".join([record.file or "CONFIG", *overrides])


def notes_on(name: str, members: Iterable[Member]) -> tuple[str, ...]:
    """Return a note if the networks were not all trained by the same code and packages."""
    if len({member.made_with for member in members}) <= 1:
        return ()
    return (
        f"The runs of {name} were trained with different versions of the code or of packages, so "
        "they may differ in more than the seed.",
    )


def _is_named(record: Record, text: str) -> bool:
    name, _, digits = text.rpartition("-")
    is_long = len(digits) >= MIN_DIGITS and record.fingerprint.startswith(digits)
    return is_long and name in ("", record.name)


def _identity(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a configuration that training and evaluation depend on."""
    return {
        key: value
        for key, value in config.items()
        if key not in _IGNORED and not key.startswith(_IGNORED_SECTIONS)
    }


def _same_test(one: TestSet, other: TestSet) -> bool:
    return (one.images_sha256, one.labels_sha256) == (other.images_sha256, other.labels_sha256)
