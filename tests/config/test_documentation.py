"""``docs/configuration.md`` lists every key, and its example is what the command prints."""

import re

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.config.known_keys import all_keys, section_of
from pipeline.config.schema import Config
from tests.support.paths import PROJECT

TEXT = (PROJECT / "docs" / "configuration.md").read_text()


def test_table_has_every_key() -> None:
    sections = {name for name in Config.model_fields if section_of(Config, name)}
    keys = {".".join(path[:2]) for path in all_keys()} - sections
    documented = set(re.findall(r"^\| `([\w.]+)` \|", TEXT, re.MULTILINE))
    assert keys <= documented


def test_example_of_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    found = re.search(r"```console\n\$ pipeline (.*?)\n(.*?)```", TEXT, re.DOTALL)
    assert found is not None
    assert CliRunner().invoke(app, found[1].split()).stderr == found[2]
