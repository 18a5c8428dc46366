"""The page of a report: sections in a template of ``pages``."""

import re
from html import escape

from pipeline.artifacts.stage_facts import ReportFacts
from pipeline.pages.assembling import assembled_page
from pipeline.reporting.pictures import Sprite
from pipeline.reporting.run import ReportedRun
from pipeline.reporting.sections.answers import confusion, mistakes
from pipeline.reporting.sections.confidence import confidence, thresholds
from pipeline.reporting.sections.data import data
from pipeline.reporting.sections.files import files
from pipeline.reporting.sections.learning import learning
from pipeline.reporting.sections.network import network
from pipeline.reporting.sections.provenance import provenance
from pipeline.reporting.sections.residuals import residuals
from pipeline.reporting.sections.result import sentence, tiles, warning
from pipeline.reporting.sections.robustness import robustness
from pipeline.reporting.subject import Subject

_SECTION = re.compile(r'<section id="(?P<id>[\w-]+)".*?<h2[^>]*>(?P<title>.*?)</h2>', re.DOTALL)


def report_page(run: ReportedRun, facts: ReportFacts) -> str:
    """Return the page. It needs no other file, runs no script and sends no requests."""
    subject, measures = Subject(run, facts), facts.measures
    behind = [image for cell in measures.cells for image in cell.images]
    shown = Sprite("test", run.data_set.test, [*behind, *(m.image for m in measures.mistakes)])
    classes = [image for samples in measures.samples for image in samples.images]
    samples = Sprite("samples", run.data_set.train, classes) if classes else None
    sections = "\n".join(
        [
            learning(subject),
            confusion(subject, shown),
            mistakes(subject, shown),
            confidence(subject),
            thresholds(subject),
            residuals(subject),
            robustness(subject),
            network(subject),
            files(subject),
            data(subject, samples),
            provenance(subject),
        ]
    )
    links = "".join(
        f'<li><a href="#{found["id"]}">{found["title"]}</a></li>'
        for found in _SECTION.finditer(sections)
    )
    parts = {
        "title": escape(run.config.name),
        "run": escape(run.id),
        "pictures": shown.css + (samples.css if samples else ""),
        "sentence": sentence(subject),
        "warning": warning(subject),
        "tiles": tiles(subject),
        "links": links,
        "sections": sections,
    }
    return assembled_page("report", parts, pictures=True)
