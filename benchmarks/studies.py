"""Write the tables of docs/studies.md: ``python -m benchmarks.studies``.

A table is between ``<!-- NAME -->`` and ``<!-- end -->``. Trials that are stored in the workspace
are not run again.
"""

from benchmarks.machine import PROJECT
from benchmarks.report import replace
from pipeline import api
from pipeline.studies.documents.markdown import table_lines
from pipeline.studies.documents.result_tables import combinations, target_costs
from pipeline.studies.documents.tables import Table
from pipeline.studies.results import StudyResult

_PAGE = PROJECT / "docs" / "studies.md"
_STUDIES = ("batch_size", "optimizers", "depth_width", "activations", "full_gradient")


def main() -> None:
    """Run the shipped studies, and write their tables."""
    text = _PAGE.read_text()
    for name in _STUDIES:
        result = api.study(PROJECT / "configs" / "studies" / f"{name}.yaml", workspace=PROJECT)
        text = replace(text, name, _text(combinations(result)))
        text = replace(text, f"{name}: test", _test_sentence(result))
        target = result.study.settings.target
        if target is not None:
            costs = target_costs(result, target)
            text = replace(text, f"{name}: target", _text(costs))
    _PAGE.write_text(text)


def _text(table: Table) -> str:
    return "\n".join(table_lines(table)).rstrip()


def _test_sentence(result: StudyResult) -> str:
    """Return the test score of the winner, the only one that a study computes."""
    scores = result.test_scores
    mean = sum(scores) / len(scores)
    of_seeds = f"mean over {len(scores)} seeds" if len(scores) > 1 else "one seed"
    return (
        f"{len(result.trials)} trials. Test {result.score.title} of the winner, the first row: "
        f"{100 * mean:.2f} % ({of_seeds})."
    )


if __name__ == "__main__":
    main()
