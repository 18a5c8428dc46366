"""A later side against the first one."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.comparison.changes import FilesComparison, compare_files
from pipeline.comparison.over_seeds import MIN_SEEDS, SeedsTest, compare_seeds
from pipeline.comparison.sides import Member, Side


@dataclass(frozen=True)
class Pair:
    """A later side against the first one.

    ``files`` compares one network of each, with the same seed if there is one. ``seeds`` tests
    each metric over the seeds; it is empty if one of the sides has a single seed.
    """

    first: Side
    other: Side
    files: FilesComparison
    seeds: dict[str, SeedsTest]


def compare_pair(first: Side, other: Side, metrics: Sequence[str]) -> Pair:
    """Compare one network of each side, and the metrics of all their seeds."""
    seeds = {}
    if min(len(first.members), len(other.members)) >= MIN_SEEDS:
        seeds = {
            name: compare_seeds(name, first.scores(name), other.scores(name)) for name in metrics
        }
    return Pair(first, other, compare_files(*_representatives(first, other)), seeds)


def _representatives(first: Side, other: Side) -> tuple[Member, Member]:
    """Return a member of each side: of the smallest common seed, or else of the smallest seeds."""
    by_seed = {member.seed: member for member in reversed(other.members)}
    common = [(member, by_seed[member.seed]) for member in first.members if member.seed in by_seed]
    return common[0] if common else (first.first, other.first)
