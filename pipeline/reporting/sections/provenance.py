"""How the model was made: commands, configuration, time of each stage, versions."""

import base64
from html import escape
from typing import Any

from pipeline.config.origin import changed_keys
from pipeline.config.yaml_text import dump_yaml
from pipeline.publishing.portable import portable_config
from pipeline.reporting.html import details, paragraph, section, table
from pipeline.reporting.subject import Subject


def provenance(subject: Subject) -> str:
    """Return everything that is needed to run it again."""
    portable = portable_config(subject.run.config, subject.run.root)
    config = dump_yaml(portable, width=88)
    name = subject.run.config.name
    uri = f"data:application/yaml;base64,{base64.b64encode(config.encode()).decode()}"
    return section(
        "provenance",
        "Run it again",
        paragraph(
            f'Save the <a download="{name}.yaml" href="{uri}">full configuration</a> as '
            f"<code>{name}.yaml</code>; the commands below refer to it."
            f"{_shortened(subject, portable)}"
        ),
        _commands(subject),
        details("Full configuration", f'<pre tabindex="0">{escape(config)}</pre>'),
        details("Time of each stage", *_times(subject)),
        details("Versions", _versions(subject)),
    )


def _shortened(subject: Subject, portable: dict[str, Any]) -> str:
    """Return which keys have paths that are those of another machine, as a sentence."""
    changed = changed_keys(subject.run.config.model_dump(mode="json"), portable)
    keys = [f"<code>{escape(key)}</code>" for key, value in changed.items() if value is not None]
    return f" Replace the paths in {', '.join(keys)}, which were shortened." if keys else ""


def _commands(subject: Subject) -> str:
    name, run = subject.run.config.name, subject.run.id
    lines = [("Reproduce the model", f"pipeline run {name}.yaml")]
    if subject.run.verify is not None:
        lines.append(("Serve it once it is published", f"pipeline serve {name}"))
    change = f"{name}.yaml train.seed=1"
    lines.append(("Change something", f"pipeline run {change} --until evaluate"))
    lines.append(("Compare both", f'pipeline compare {run} "{change}"'))
    rows = "".join(f"<dt>{what}</dt><dd><code>{escape(line)}</code></dd>" for what, line in lines)
    return f'<dl class="commands">{rows}</dl>'


def _times(subject: Subject) -> list[str]:
    """Return the seconds of the stages before the page, and of what was measured for the page."""
    rows = [
        [output.facts.stage, subject.numbers.show_time(output.facts.stage, "seconds")]
        for output in subject.run.outputs
    ]
    rows.append(["report (measuring)", subject.measured.show_time("seconds")])
    return [
        table("Time of each stage", ["stage", "seconds"], rows),
        paragraph(
            "Writing this page and publishing come later, and are not in the table. For all "
            f"stages: <code>pipeline runs {escape(subject.run.id)}</code>."
        ),
    ]


def _versions(subject: Subject) -> str:
    packages = {
        name: version
        for output in subject.run.outputs
        for name, version in output.ingredients.packages.items()
    }
    rows = [[escape(name), escape(version)] for name, version in sorted(packages.items())]
    return table("Versions", ["package", "version"], rows, texts=2)
