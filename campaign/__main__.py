"""``python -m campaign [PART ...] [--total N]``: run parts, then write the report.

Each part takes less than an hour on two processors. A part that was interrupted continues where it
stopped, unless the code has changed since; a finished one is not repeated.
"""

import argparse
import sys

from campaign import report
from campaign.part import Part
from campaign.parts import PARTS
from campaign.results import Results


def main() -> None:
    """Run the parts named on the command line, or all; exit with 1 after any failure."""
    parser = argparse.ArgumentParser(prog="python -m campaign", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--total", type=int, help="try this often, and do not report it")
    parser.add_argument("--case", metavar="NAME", help="only this case, and do not report it")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown part {min(unknown)!r}; choose from {', '.join(PARTS)}")
    chosen = [PARTS[name] for name in options.parts or PARTS]
    failed = [part.name for part in chosen if run(part, options.total, options.case)]
    sys.exit(f"Failures in: {', '.join(failed)}." if failed else 0)


def run(part: Part, total: int | None = None, case: str | None = None) -> int:
    """Run or continue a part; return how much failed. A complete part is reported."""
    results = Results(part.name, only=case)
    print(f"{part.name}: {part.total:,} take about {part.minutes} minutes", flush=True)
    print("  the seed of a case is its number")
    part.run(results, total or part.total, results.folder)
    results.show(last=True)
    for text in results.summary()["examples"]:
        print(f"  {text}")
    if total is None and case is None:
        report.save(results)
        report.write()
    return results.failed


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nInterrupted: the same command continues from here.")
