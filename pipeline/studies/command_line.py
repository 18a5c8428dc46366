"""The command line that runs a trial again, and values as they are written in it."""

import json
import shlex
from typing import Any

from pipeline.config.yaml_text import load_yaml
from pipeline.errors import ConfigError
from pipeline.studies.axes import Values
from pipeline.studies.reading import THREADS, Study


def command_line(study: Study, values: Values) -> str:
    """Return the command that runs the whole pipeline with the values of a trial."""
    settings = study.settings
    overrides = {**settings.overrides, **values, THREADS: settings.threads}
    texts = [f"{key}={value_text(value)}" for key, value in overrides.items()]
    return shlex.join(["pipeline", "run", str(study.base), *texts])


def value_text(value: Any) -> str:
    """Return a value as it is written after ``KEY=``: text without quotes where YAML allows it."""
    if isinstance(value, str) and _is_plain(value):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {value_text(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(value_text, value))}]"
    return json.dumps(value)


def _is_plain(text: str) -> bool:
    try:
        return bool(load_yaml(f"[{text}]", "a value")[1] == [text])
    except ConfigError:
        return False
