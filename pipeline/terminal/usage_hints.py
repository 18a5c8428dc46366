"""Hints for commands and options that do not exist here but in other tools."""

import difflib
from typing import Any

import typer
from typer.core import TyperGroup

from pipeline.errors import RequestError
from pipeline.terminal.session import print_error

_RUN = "Did you mean `pipeline run`? It runs all stages, from loading data to publishing the model"
_COMMANDS = {
    "run": "all execute go build make launch pipeline",
    "models": "list ls show-models list-models versions",
    "predict": "infer inference classify prediction",
    "serve": "server start deploy up api",
    "config": "validate lint print show summary",
    "doctor": "info status env check-env diagnose",
    "why": "explain reason",
    "verify": "prove check",
}
_STAGES = {
    "data": "data download prepare fetch",
    "evaluate": "evaluate eval test score evaluation",
    "export": "export convert save",
}


def _each(names: dict[str, str], sentence: str) -> dict[str, str]:
    return {other: sentence.format(name) for name, s in names.items() for other in s.split()}


# Another tool's name of a command -> what to write.
_INSTEAD = {
    **_each(_COMMANDS, "Did you mean `pipeline {}`?"),
    **_each(_STAGES, "Write `pipeline run CONFIG --until {}`, which stops after that stage."),
    **dict.fromkeys(("train", "fit", "training"), f"{_RUN}; --until train stops after training."),
    **dict.fromkeys(("publish", "release"), f"{_RUN}."),
    **dict.fromkeys(("init", "new", "create"), "Copy a file in configs/, edit it, and run it."),
    **dict.fromkeys(
        ("clean", "clear", "rm"), "Delete the folder runs/; published models remain in exported/."
    ),
    "help": "Write `pipeline --help`, or `pipeline COMMAND --help`.",
}
_CUTOFF = 0.75  # of difflib's ratio: trian is near train
_CONFIGURED = ("run", "config", "why", "gradcheck")  # the commands that take KEY=VALUE
_CONFIG_OPTIONS = {"config", "config-file", "file", "yaml"}


class HintingGroup(TyperGroup):
    """The group of commands; errors about unknown commands and options suggest known ones."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command of the arguments, or exit with a hint if there is one."""
        name = args[0]
        hint = None
        if name not in self.commands:
            hint = _unknown_command(name, args, list(self.commands))
        elif name in _CONFIGURED:
            known = {o for p in self.commands[name].params for o in (*p.opts, *p.secondary_opts)}
            hint = _unknown_option(name, args[1:], known)
        if hint:
            raise typer.Exit(print_error(RequestError(hint)))
        return super().resolve_command(ctx, args)


def _unknown_command(name: str, args: list[str], known: list[str]) -> str | None:
    if name.startswith("-"):
        return None
    if name.endswith((".yaml", ".yml")) or "=" in name:
        return f"No such command {name!r}. Did you mean `pipeline run {' '.join(args)}`?"
    written = name.lower().replace("_", "-")
    near = difflib.get_close_matches(written, [*known, *_INSTEAD], n=1, cutoff=_CUTOFF)
    if not near:
        return f"No such command {name!r}. Choose from {', '.join(known)}."
    instead = _INSTEAD.get(near[0], f"Did you mean `pipeline {near[0]}`?")
    return f"No such command {name!r}. {instead}"


def _unknown_option(command: str, args: list[str], known: set[str]) -> str | None:
    """Return a hint if the first unknown option is a key of the configuration."""
    for position, argument in enumerate(args):
        option, _, value = argument.partition("=")
        if argument == "--":
            return None
        if argument.startswith("--") and option not in known | {"--help"}:
            following = args[position + 1 :]
            if not value and following and not following[0].startswith("-"):
                value = following[0]
            return _as_override(command, option, value)
    return None


def _as_override(command: str, option: str, value: str) -> str | None:
    from pipeline.config.aliases import ADVICE
    from pipeline.config.known_keys import exact_keys

    name = option.removeprefix("--")
    if name in _CONFIG_OPTIONS:
        return (
            f"No such option: {option}. Specify the file without an option: "
            f"`pipeline {command} {value or 'FILE'}`."
        )
    if advice := ADVICE.get(name.replace("-", "_")):
        return f"No such option: {option}. {advice}"
    keys = [f"{key}={value or 'VALUE'}" for key in exact_keys(name)]
    if not keys:
        return None
    return (
        f"No such option: {option}. Configuration keys are written without dashes: "
        f"{' or '.join(keys)}."
    )
