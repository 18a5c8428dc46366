"""``python -m campaign [PART ...] [--total N]``: run parts, then write the report.

Each part takes less than an hour on two processors. A part that was interrupted continues where it
stopped, unless the code has changed since; a finished one is not repeated.
"""

import argparse
import sys

from campaign import report
from campaign.part import Part
from campaign.parts import PARTS
from campaign.results import FOLDER, Results


def main() -> None:
    """Run the parts named on the command line, or all; exit with 1 after any failure."""
    parser = argparse.ArgumentParser(prog="python -m campaign", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--total", type=int, help="try this often; nothing is reported then")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    failed = [
        part
        for part in map(PARTS.get, options.parts or PARTS)
        if part and not _run(part, options.total)
    ]
    sys.exit(f"Failures in: {', '.join(part.name for part in failed)}." if failed else 0)


def _run(part: Part, total: int | None) -> bool:
    """Run or continue a part; return whether nothing failed."""
    results = Results(part.name)
    print(f"{part.name}: {part.total:,} take about {part.minutes} minutes")
    part.run(results, total or part.total, FOLDER / results.commit / part.name)
    results.show(last=True)
    for text in results.summary()["examples"]:
        print(f"  {text}")
    if total is None:
        report.save(results)
        report.write()
    return results.failed == 0


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nInterrupted: the same command continues from here.")
