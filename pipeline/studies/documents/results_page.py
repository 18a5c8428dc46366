"""The page of a study: one HTML file with the tables, and charts that its scripts draw."""

from html import escape

from pipeline.pages.assembling import assembled_page
from pipeline.pages.writing import embedded_json
from pipeline.studies.command_line import command_line
from pipeline.studies.documents import explanations
from pipeline.studies.documents.html import paragraph, small_table, table
from pipeline.studies.documents.overview import axes_table, summary, winner_facts
from pipeline.studies.documents.page_data import page_data
from pipeline.studies.documents.result_tables import (
    all_trials,
    combinations,
    differences,
    importance_of_axes,
    target_costs,
)
from pipeline.studies.documents.tables import Column
from pipeline.studies.documents.texts import plural, text_of
from pipeline.studies.results import StudyResult
from pipeline.studies.target import is_measured


def results_page(result: StudyResult) -> str:
    """Return the page. It needs no other file and sends no requests."""
    data = page_data(result)
    # Hidden by a script, they would first be shown, and the rest of the page would move.
    parts = {
        "curves": "" if data["measures"] else " hidden",
        "heat": "" if len(data["axes"]) > 1 else " hidden",
        "title": escape(result.study.name),
        "summary": paragraph(summary(result)),
        "axes": small_table(axes_table(result)) if result.keys else "",
        "winner": _winner(result),
        "explained": paragraph(explanations.combinations(result)),
        "costs": "".join(map(paragraph, [*explanations.edges(result), explanations.COSTS])),
        "combinations": table(
            combinations(result),
            "combinations",
            caption="Combinations",
            first=Column("line"),
        ),
        "target": _target(result),
        "importance": _importance(result),
        "count": plural(len(result.trials), "trial"),
        "trials": table(all_trials(result), "trials", caption="All trials"),
        "data": embedded_json(data),
    }
    return assembled_page("study", parts)


def _winner(result: StudyResult) -> str:
    if result.winner is None or result.best_trial is None:
        return paragraph("No trial produced a model.")
    values = [(key, text_of(value), "") for key, value in result.winner.values.items()]
    facts = [*map(_fact, values), *(_fact(fact, "score") for fact in winner_facts(result))]
    line = escape(command_line(result.study, result.best_trial.values))
    return (
        f'<dl class="facts">{"".join(facts)}</dl>{paragraph(explanations.COMMAND)}'
        f'<div class="command"><pre id="command" tabindex="0">{line}</pre>'
        '<button type="button" id="copy" class="needs-script" aria-live="polite">Copy</button>'
        "</div>"
    )


def _fact(fact: tuple[str, str, str], kind: str = "value") -> str:
    name, text, why = map(escape, fact)
    added = f" <small>{why}</small>" if why else ""
    return f'<dt>{name}</dt><dd><span class="{kind}">{text}</span>{added}</dd>'


def _target(result: StudyResult) -> str:
    value = result.study.settings.target
    if value is None:
        return ""
    rows = target_costs(result, value) if is_measured(result.trials, result.score) else None
    title = f"Cost to reach {result.score.title} {value:g}"
    return (
        f'<section aria-labelledby="target-title"><h2 id="target-title">{escape(title)}</h2>'
        f"{paragraph(explanations.target(result, value))}"
        f"{table(rows, 'target', caption=title) if rows and rows.rows else ''}</section>"
    )


def _importance(result: StudyResult) -> str:
    if result.study.varies_one_at_a_time:
        return (
            '<section aria-labelledby="differences-title">'
            '<h2 id="differences-title">Differences</h2>'
            f"{paragraph(explanations.DIFFERENCES.format(score=result.score.title))}"
            f"{table(differences(result), 'differences', caption='Differences')}</section>"
        )
    found = importance_of_axes(result)
    if not found.rows:
        return ""
    rows = "".join(
        f"<tr><th scope='row'>{escape(axis.text)}</th><td>{escape(levels.text)}</td>"
        f"<td class='number'>{escape(share.text)}</td><td class='track'>"
        f"<div style='inline-size:{100 * (share.number or 0):.1f}%'></div></td></tr>"
        for axis, levels, share in found.rows
    )
    return (
        '<section aria-labelledby="importance-title">'
        '<h2 id="importance-title">Importance of the axes</h2>'
        f"{paragraph(explanations.IMPORTANCE.format(score=result.score.title))}"
        f'<table class="bars"><tbody>{rows}</tbody></table></section>'
    )
