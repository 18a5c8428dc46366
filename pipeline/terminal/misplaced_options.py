"""A hint for options that are written before the command, as in ``git -C DIR status``."""

import shlex
from collections.abc import Mapping
from typing import Any


def misplaced(prefix: str, commands: Mapping[str, Any], args: list[str]) -> str | None:
    """Return where to write the options before a command; None unless it has all of them.

    ``prefix`` is what is before the arguments, such as ``pipeline``.
    """
    count = _leading(_options(commands.values()), args)
    before, after = args[:count], args[count:]
    if not before:
        return None
    path: list[str] = []
    while commands and len(path) < len(after):
        found = commands.get(after[len(path)])
        if found is None or _leading(_options([found]), before) < len(before):
            return None
        path.append(after[len(path)])
        commands = getattr(found, "commands", {})
    wanted = ["COMMAND"] if commands else []
    return _hint(before, [prefix, *path, *wanted, *before, *after[len(path) :]])


def _hint(before: list[str], words: list[str]) -> str:
    command = " ".join([words[0], shlex.join(words[1:])])
    option, _, _ = before[0].partition("=")
    return f"The option {option} must be written after the command. Write `{command}`."


def _leading(options: Mapping[str, bool], args: list[str]) -> int:
    """Return how many arguments at the beginning are these options and their values."""
    position = 0
    while position < len(args):
        argument = args[position]
        name, _, value = argument.partition("=")
        if name in options:
            position += 2 if options[name] and not value else 1
        elif not argument.startswith("--") and options.get(argument[:2]):  # as in -CDIR
            position += 1
        else:
            break
    return min(position, len(args))


def _options(commands: Any) -> dict[str, bool]:
    """Return the options of commands and their subcommands, and whether each takes a value."""
    found: dict[str, bool] = {}
    for command in commands:
        found |= _options(getattr(command, "commands", {}).values())
        for parameter in command.params:
            if parameter.param_type_name == "option":
                for name in (*parameter.opts, *parameter.secondary_opts):
                    found[name] = not parameter.is_flag
    return found
