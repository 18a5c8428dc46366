"""Hints for commands and options that do not exist here but in other tools."""

import difflib
import re
from typing import Any

import typer
from typer.core import TyperGroup

from pipeline.errors import RequestError
from pipeline.terminal.misplaced_options import misplaced
from pipeline.terminal.number_options import invalid_number
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
    "runs": "history experiments list-runs show-runs",
    "compare": "diff versus",
    "clean": "clear rm remove prune gc",
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
    "version": "Write `pipeline --version`.",
    "help": "Write `pipeline --help`, or `pipeline COMMAND --help`.",
}
_OPTION = re.compile(r"--?[A-Za-z]")
_CUTOFF = 0.75  # of difflib's ratio: trian is near train
_CONFIGURED = ("run", "config", "why", "gradcheck")  # the commands that take KEY=VALUE
_CONFIG = "Specify the file without an option: `pipeline {command} {value}`."
_MODEL = "Specify the model without an option: `pipeline {command} {value}`."
_FILES = "Specify the files without an option: `pipeline {command} MODEL {value}`."
# Commands, and another tool's names of an option -> what to write.
_OPTIONS = (
    (_CONFIGURED, "config config-file cfg c file f yaml", _CONFIG),
    (_CONFIGURED, "model m", "Specify the network by its keys: model.hidden='[512, 512]'."),
    (("predict", "verify", "serve"), "model model-path m name", _MODEL),
    (("predict",), "image images input i file files source", _FILES),
    (("predict",), "top top-k topk k probs", "Write --json: it has the probability of each class."),
)


class HintingGroup(TyperGroup):
    """The group of commands; errors about unknown commands and options suggest known ones."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command, or exit with an error about an option that must be a number."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            explained = invalid_number(error)
            if explained is None:
                raise
            raise typer.Exit(print_error(explained)) from error

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Return the arguments after the options, or exit with a hint on options of a command."""
        prefix = "pipeline" if ctx.parent is None else f"pipeline {ctx.info_name}"
        if hint := misplaced(prefix, self.commands, args):
            raise typer.Exit(print_error(RequestError(hint)))
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command of the arguments, or exit with a hint if there is one."""
        name = args[0]
        hint = None
        if name not in self.commands:
            known = list(self.commands)
            hint = (
                _unknown_subcommand(ctx.info_name, name, known)
                if ctx.parent
                else _unknown_command(name, args, known)
            )
        else:
            options = {o for p in self.commands[name].params for o in (*p.opts, *p.secondary_opts)}
            hint = _unknown_option(name, args[1:], options) or _swapped(name, args[1:])
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
        return f"No such command {name!r}. {_choose(known)}"
    instead = _INSTEAD.get(near[0], f"Did you mean `pipeline {near[0]}`?")
    return f"No such command {name!r}. {instead}"


def _unknown_subcommand(group: str, name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=_CUTOFF)
    advice = f"Did you mean `pipeline {group} {near[0]}`?" if near else _choose(known)
    return f"No such command {name!r}. {advice}"


def _choose(known: list[str]) -> str:
    return f"Choose from {', '.join(known)}."


def _unknown_option(command: str, args: list[str], known: set[str]) -> str | None:
    """Return a hint about the first unknown option, if there is one."""
    for position, argument in enumerate(args):
        option, _, value = argument.partition("=")
        if argument == "--":
            return None
        if _OPTION.match(option) and not {option, argument[:2]} & (known | {"--help"}):
            following = args[position + 1 :]
            if not value and following and not following[0].startswith("-"):
                value = following[0]
            advice = _advice(command, option.lstrip("-"), value)
            return f"No such option: {option}. {advice}" if advice else None
    return None


def _advice(command: str, name: str, value: str) -> str | None:
    from pipeline.config.aliases import ADVICE
    from pipeline.config.known_keys import exact_keys

    for commands, names, text in _OPTIONS:
        if command in commands and name in names.split():
            return text.format(command=command, value=value or "VALUE")
    if command not in _CONFIGURED:
        return None
    if advice := ADVICE.get(name.replace("-", "_")):
        return advice
    keys = [f"{key}={value or 'VALUE'}" for key in exact_keys(name)]
    return f"Configuration keys are written without dashes: {' or '.join(keys)}." if keys else None


def _swapped(command: str, args: list[str]) -> str | None:
    """Return a hint if the stage is before the configuration."""
    if command != "why" or len(args) < 2:  # noqa: PLR2004
        return None
    from pipeline.stages import GRAPH

    if args[0] in GRAPH.names and args[1] not in GRAPH.names:
        return (
            "The configuration is before the stage. "
            f"Write `pipeline why {' '.join([args[1], args[0], *args[2:]])}`."
        )
    return None
