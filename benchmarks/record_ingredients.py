"""What each ingredient of the record contributes: ``python -m benchmarks.record_ingredients``.

Runs ``configs/studies/record.yaml``, and writes its table to docs/record.md. Trials that are stored
in the workspace are not run again.
"""

import argparse
import statistics
import sys
from pathlib import Path

from benchmarks.machine import PROJECT
from benchmarks.markdown import table
from benchmarks.report import replace
from pipeline import api
from pipeline.studies.documents.texts import Labels
from pipeline.studies.results import Group, StudyResult

PAGE = PROJECT / "docs" / "record.md"
MARK = "ingredients"
STUDY = PROJECT / "configs" / "studies" / "record.yaml"


def main() -> None:
    """Run the study, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, default=PROJECT)
    result = api.study(STUDY, workspace=parser.parse_args().workspace)
    before = PAGE.read_text()
    if f"<!-- {MARK} -->" not in before:
        sys.exit(f"{PAGE} has no table <!-- {MARK} -->.")
    PAGE.write_text(replace(before, MARK, ingredients_table(result)))


def ingredients_table(result: StudyResult) -> str:
    """Return the validation errors of the recipe and of each change, the worst change last."""
    recipe, *changed = result.groups
    labels, base = Labels(result), num_errors(result, recipe)
    lines = [["none", _mean_text(base), ""]]
    for group in sorted(changed, key=lambda group: statistics.fmean(num_errors(result, group))):
        errors = num_errors(result, group)
        more = statistics.fmean(errors) - statistics.fmean(base)
        lines.append([labels.of(group), _mean_text(errors), f"{more:+.1f}"])
    return table(["change", "errors: mean (seeds)", "difference"], lines)


def num_errors(result: StudyResult, group: Group) -> list[int]:
    """Return the errors of each seed of a combination."""
    images = int(result.study.settings.overrides["data.validation"])
    return [round((1 - score) * images) for score in group.scores]


def _mean_text(errors: list[int]) -> str:
    return f"{statistics.fmean(errors):.1f} ({', '.join(map(str, errors))})"


if __name__ == "__main__":
    main()
