"""The output of the command line: progress, tables for people, JSON documents for programs.

Importing this package makes the terminal's progress the default in ``pipeline.api``.
"""

from pipeline.progress import Progress, set_default_progress


def _terminal_progress() -> Progress:
    from pipeline.terminal.console import TerminalProgress  # loads rich

    return TerminalProgress()


set_default_progress(_terminal_progress)
