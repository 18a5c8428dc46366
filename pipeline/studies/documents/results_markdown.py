"""The results of a study in Markdown."""

from pipeline.studies.command_line import command_line
from pipeline.studies.documents import explanations
from pipeline.studies.documents.markdown import code_block, escaped, table_lines
from pipeline.studies.documents.overview import axes_table, failures, summary, winner_facts
from pipeline.studies.documents.result_tables import (
    combinations,
    differences,
    importance_of_axes,
    target_costs,
)
from pipeline.studies.documents.texts import text_of
from pipeline.studies.results import StudyResult
from pipeline.studies.target import is_measured


def results_markdown(result: StudyResult) -> str:
    """Return the winner and the tables; figures are those of the validation set."""
    lines = [
        f"# {escaped(result.study.name)}",
        "",
        escaped(summary(result)),
        "",
        *(table_lines(axes_table(result)) if result.keys else []),
        *_winner(result),
        "## Combinations",
        "",
        escaped(explanations.combinations(result)),
        explanations.COSTS,
        "",
        *(line for sentence in explanations.edges(result) for line in (escaped(sentence), "")),
        *table_lines(combinations(result)),
        *_target(result),
        *_importance(result),
        *_failures(result),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _winner(result: StudyResult) -> list[str]:
    if result.winner is None or result.best_trial is None:
        return ["## Winner", "", "No trial produced a model.", ""]
    values = [(key, text_of(value), "") for key, value in result.winner.values.items()]
    facts = [
        f"- {escaped(name)}: **{escaped(text)}**" + (f" ({escaped(why)})" if why else "")
        for name, text, why in (*values, *winner_facts(result))
    ]
    command = command_line(result.study, result.best_trial.values)
    return ["## Winner", "", *facts, "", explanations.COMMAND, "", *code_block(command)]


def _target(result: StudyResult) -> list[str]:
    value = result.study.settings.target
    if value is None:
        return []
    measured = is_measured(result.trials, result.score)
    return [
        f"## Cost to reach {escaped(result.score.title)} {value:g}",
        "",
        escaped(explanations.target(result, value)),
        "",
        *(table_lines(target_costs(result, value)) if measured else []),
    ]


def _importance(result: StudyResult) -> list[str]:
    if result.study.varies_one_at_a_time:
        explained = explanations.DIFFERENCES.format(score=result.score.title)
        return ["## Differences", "", escaped(explained), "", *table_lines(differences(result))]
    table = importance_of_axes(result)
    if not table.rows:
        return []
    explained = explanations.IMPORTANCE.format(score=result.score.title)
    return ["## Importance of the axes", "", escaped(explained), "", *table_lines(table)]


def _failures(result: StudyResult) -> list[str]:
    lines = [
        f"- {escaped(f'{trials} ({values}), {status}: {reason}')}"
        for trials, values, status, reason in failures(result)
    ]
    return ["## Trials without a model", "", *lines, ""] if lines else []
