"""The command line that runs a trial again."""

import shlex

from pipeline.studies.axes import Values
from pipeline.studies.reading import Study


def command_line(study: Study, values: Values) -> str:
    """Return the command that runs the whole pipeline with the values of a trial."""
    overrides = study.config_of(values).origin.overrides
    return shlex.join(["pipeline", "run", str(study.base), *overrides])
