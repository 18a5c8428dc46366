"""What an argument of ``pipeline compare`` stands for.

In this order: a configuration, if it ends in .yaml or contains overrides; a run, by its name or the
digits of its hash; a published version; a configuration by its name.
"""

import shlex
from dataclasses import replace
from pathlib import Path

from pipeline.comparison.published import published_member
from pipeline.comparison.runs import find_run, members_like, notes_on, run_side
from pipeline.comparison.sides import CONFIGURATION, PUBLISHED, SEED, Side
from pipeline.comparison.stored import flat_config
from pipeline.config.finding import find_config, is_config
from pipeline.config.origin import flatten
from pipeline.config.reading import read
from pipeline.engine.records import Record
from pipeline.engine.workspace import Workspace
from pipeline.errors import ModelError, RequestError, did_you_mean
from pipeline.publishing.locating import locate
from pipeline.publishing.published_folder import find_published, versions_of


def find_side(text: str, workspace: Workspace, *, seeds: bool = False) -> Side:
    """Return the side that an argument stands for; with ``seeds``, with all seeds of it.

    Raises:
        RequestError: there is no such side, or its outputs are missing.
    """
    records = [run.record for run in workspace.records.all()]
    if text.endswith((".yaml", ".yml")) or _has_overrides(text):
        return _configuration(text, records, workspace)
    if record := find_run(text, records):
        side = run_side(text, record, workspace.store)
    elif _is_published(text, workspace):
        side = _published(text, workspace)
    elif is_config(text):
        return _configuration(text, records, workspace)
    else:
        raise _not_found(text, records, workspace)
    return _with_seeds(side, records, workspace) if seeds else side


def _configuration(text: str, records: list[Record], workspace: Workspace) -> Side:
    """Return all seeds of a configuration, which may be followed by overrides."""
    path, *overrides = [text] if Path(text).is_file() else _words(text)
    if any(override.partition("=")[0] == SEED for override in overrides):
        raise RequestError(
            f"A configuration stands for the runs of all its seeds, so it cannot set {SEED}; got "
            f"{text!r}. To compare single networks, write their runs; see pipeline runs."
        )
    file = find_config(Path(path))
    config = read(file, overrides)
    command = shlex.join([path, *overrides])
    members = members_like(flatten(config.model_dump(mode="json")), records, workspace.store)
    if not members:
        raise RequestError(
            f"No run of the configuration {text!r} is in {workspace.store.root}. Run it with "
            f"several seeds: pipeline run {command} {SEED}=0 --until evaluate"
        )
    shown = " ".join([str(file), *overrides])
    description = f"{_count(len(members))} of the configuration {shown}"
    return Side(text, CONFIGURATION, description, members, command, notes_on(text, members))


def _words(text: str) -> list[str]:
    """Return a configuration and its overrides: optimizer={name: sgd} is one, quoted or not."""
    words: list[str] = []
    for word in _shell_words(text):
        if len(words) > 1 and "=" not in word:
            words[-1] += f" {word}"
        else:
            words.append(word)
    return words


def _shell_words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a single quotation mark
        return text.split()


def _has_overrides(text: str) -> bool:
    _, *overrides = _words(text) or [""]
    return bool(overrides) and all("=" in word for word in overrides)


def _is_published(text: str, workspace: Workspace) -> bool:
    try:
        path = locate(text, workspace.exported)
    except ModelError:
        return bool(_published_name(text, workspace))
    return path.is_dir() and bool(versions_of(path) or versions_of(path.parent))


def _published_name(text: str, workspace: Workspace) -> str | None:
    """Return the published name in NAME/VERSION, NAME:VERSION or NAME@VERSION, if there is one."""
    name = text.replace(":", "/").replace("@", "/").partition("/")[0]
    return name if versions_of(workspace.exported / name) else None


def _published(text: str, workspace: Workspace) -> Side:
    published = find_published(locate(text, workspace.exported))
    config = flat_config(published.manifest.config)
    member = published_member(published, config, workspace.store)
    labels = f" ({', '.join(published.labels)})" if published.labels else ""
    description = f"version {published.version}{labels} of the published model {published.name}"
    note = f"{text} is {description}; write {text}.yaml for the configuration of that name."
    notes = (note,) if is_config(text) else ()
    return Side(text, PUBLISHED, description, (member,), notes=notes)


def _with_seeds(side: Side, records: list[Record], workspace: Workspace) -> Side:
    """Return a side with the networks of all other seeds of its configuration."""
    own = side.first
    found = members_like(own.config, records, workspace.store, own.test_set)
    members = [own, *(member for member in found if member.seed != own.seed)]
    members.sort(key=lambda member: member.seed)
    return replace(
        side,
        description=f"{side.description}, with {_count(len(members))} of its configuration",
        members=tuple(members),
        notes=(*side.notes, *notes_on(side.name, members)),
    )


def _count(seeds: int) -> str:
    return "1 seed" if seeds == 1 else f"{seeds} seeds"


def _not_found(text: str, records: list[Record], workspace: Workspace) -> RequestError:
    runs = list(dict.fromkeys(record.id for record in records))
    models = [path.name for path in workspace.exported.glob("*") if versions_of(path)]
    configs = [path.stem for path in Path("configs").glob("*.yaml")]
    near = did_you_mean(text, [*configs, *models, *runs])
    return RequestError(
        f"There is no run, published model or configuration {text!r} in {workspace.root}. "
        f"{near}A side is a run (see pipeline runs), a published model with or without "
        "/VERSION (see pipeline models), or a configuration, which may have overrides if it is "
        'quoted: "mlp train.batch_size=32".'
    )
