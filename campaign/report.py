"""Write ``docs/reliability.md`` from the saved results: ``python -m campaign.report``."""

import json
from typing import Any

from benchmarks.machine import describe
from campaign.results import Results
from tests.support.paths import PROJECT

RESULTS = PROJECT / "campaign" / "results"
PAGE = PROJECT / "docs" / "reliability.md"
Row = dict[str, Any]


def save(results: Results) -> None:
    """Save the totals of a part, with a description of the machine."""
    RESULTS.mkdir(exist_ok=True)
    described = {"machine": describe(), **results.summary()}
    (RESULTS / f"{results.part}.json").write_text(json.dumps(described, indent=1) + "\n")


def write() -> None:
    """Write the page."""


if __name__ == "__main__":
    write()
