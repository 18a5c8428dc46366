"""Write ``docs/reliability.md`` from the saved results: ``python -m campaign.report``."""

import json
from typing import Any

from benchmarks.machine import describe
from benchmarks.markdown import table
from campaign.part import Part
from campaign.parts import PARTS
from campaign.results import Results
from tests.support.paths import PROJECT

RESULTS = PROJECT / "campaign" / "results"
PAGE = PROJECT / "docs" / "reliability.md"
Row = dict[str, Any]

_INTRODUCTION = """\
# Reliability

This page lists the attempts to break a run, a model or the server, and what failed. `make campaign`
repeats all of them, one part after the other; each part takes less than an hour on two processors,
and an interrupted one continues where it stopped. `make campaign-ci` tries less of the same in two
minutes, and is part of the tests.

Cases are random, but the same every time: the number of a case is its seed. To repeat one:
`.venv/bin/python -m campaign PART --case NAME`.

This page is written by `python -m campaign.report` from the results in `campaign/results/`. The
minutes are the sum over all cases, of which `kills` runs as many at a time as there are processors.
"""


def save(results: Results) -> None:
    """Save the totals of a part, with a description of the machine."""
    RESULTS.mkdir(exist_ok=True)
    described = {"machine": describe(), **results.summary()}
    (RESULTS / f"{results.part}.json").write_text(json.dumps(described, indent=1) + "\n")


def write() -> None:
    """Write the page."""
    PAGE.write_text(page({name: load(name) for name in PARTS}))


def load(name: str) -> Row | None:
    """Return the saved result of a part, or None if it has not been run."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def page(rows: dict[str, Row | None]) -> str:
    """Return the text of the page."""
    head = ["part", "tried", "failed", "minutes", "date", "commit"]
    lines = [_line(name, row) for name, row in rows.items()]
    sections = [_section(PARTS[name], row) for name, row in rows.items()]
    machines = sorted({_machine(row) for row in rows.values() if row})
    return "\n".join([_INTRODUCTION, table(head, lines), "", *machines, "", *sections])


def _line(name: str, row: Row | None) -> list[str]:
    link = f"[{name}](#{name})"
    if row is None:
        return [link, "not yet run", *[""] * 4]
    minutes = f"{row['seconds'] / 60:.0f}"
    return [link, f"{row['tried']:,}", f"{row['failed']:,}", minutes, row["date"], row["commit"]]


def _machine(row: Row) -> str:
    m = row["machine"]
    return (
        f"{m['processors']} processors of {m['processor']}, {m['memory_gib']} GiB, {m['system']}."
    )


def _section(part: Part, row: Row | None) -> str:
    lines = [f"## {part.name}", "", f"Tried: {part.tries}.", "", f"A failure is: {part.failure}."]
    if row is not None:
        lines += ["", f"Outcomes: {_listed(row['outcomes'])}."]
        failures = [f"- `{text.replace('`', '')}`" for text in row["examples"]]
        lines += ["", *(["What failed:", "", *failures] if failures else ["Nothing failed."])]
    return "\n".join([*lines, ""])


def _listed(outcomes: dict[str, int]) -> str:
    """Return outcomes with their counts, or without them where each is a measurement."""
    if set(outcomes.values()) == {1}:
        return "; ".join(outcomes)
    return "; ".join(f"{name}: {count:,}" for name, count in outcomes.items())


if __name__ == "__main__":
    write()
