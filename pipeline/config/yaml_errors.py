"""ruamel.yaml's errors in words: the line, and how to correct it."""

import re
from typing import Any

from pipeline.errors import one_line

_NO_VALUE = "could not find expected ':'"
# A part of ruamel.yaml's message -> the problem and how to fix it.
_EXPLANATIONS = {
    "'\\t' that cannot start": "tabs are not allowed. Use spaces",
    "cannot start any token": "a value cannot begin with {quoted}. Put it in quotes",
    "expected ',' or": "a bracket opened on line {opened} is not closed",
    "expected the node content": "a bracket does not match, or a value is missing",
    _NO_VALUE: "expected KEY: VALUE. Put ': ' between key and value",
    "mapping values are not allowed": "KEY: VALUE is not allowed here. Indent all keys of a "
    "section equally, put a space after each colon, and put values that contain ': ' in quotes",
    "expected <block end>": "wrong indentation. Indent all keys of a section equally",
    "unexpected end of stream": "a quotation mark opened on line {opened} is not closed",
    "another document": "a second document begins here. Write one configuration per file",
    "determine a constructor": "YAML tags are not allowed. Remove {quoted}",
    "recursion depth": "brackets are nested too deeply",
    "Exceeds the limit": "a number has too many digits",
    "undefined alias": "undefined alias {quoted}. Put values that begin with * in quotes",
}
_NO_SPACE = re.compile(r"\b([A-Za-z_]\w*):[\[{'\"]")
_SHELL = " On the command line, put the whole override in quotes: 'KEY=[1, 2]'"


def explain(error: Exception, text: str, source: str) -> str:
    """Return the message about a text that cannot be read as YAML."""
    mark, context = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or f"{type(error).__name__}: {one_line(error)}"
    line = mark.line if mark else None
    if _NO_VALUE in problem and context:
        line = context.line  # of the key; the problem is noticed later
    words = next((words for part, words in _EXPLANATIONS.items() if part in problem), "{problem}")
    explanation = words.format(
        problem=problem, quoted=_quoted(problem), opened=context.line + 1 if context else 1
    )
    for number in (line - 1, line) if line else (0,):
        if found := _NO_SPACE.search("".join(text.splitlines()[number : number + 1])):
            key = found[1]
            line, explanation = number, f"the space after '{key}:' is missing. Write {key}: VALUE"
    if source.startswith("the override"):
        advice = _SHELL if _is_cut(text) else ""
        return f"Invalid YAML in {source}: {explanation}.{advice}{'.' if advice else ''}"
    place = source if line is None else f"{source}, line {line + 1}"
    return f"Invalid YAML in {place}: {explanation}."


def _quoted(problem: str) -> str:
    return repr(problem.split("'")[1]) if problem.count("'") > 1 else ""


def _is_cut(text: str) -> bool:
    """Whether the shell has split a value at its spaces: a bracket is opened and not closed."""
    pairs: Any = ("[]", "{}")
    return any(text.count(opening) > text.count(closing) for opening, closing in pairs)
