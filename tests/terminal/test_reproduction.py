"""What ``pipeline reproduce`` prints of a manifest that may be from anyone."""

from dataclasses import replace

import pytest

from pipeline.reproduction.links import Change, Link
from pipeline.reproduction.reproducing import Reproduction
from pipeline.reproduction.verdict import Compared, judge
from pipeline.reproduction.weights import WeightsComparison
from pipeline.terminal.reproduction import print_reproduction

SAME = Link("same")
WEIGHTS = WeightsComparison("a", "a", "a", "keras", same_bits=True, largest_difference=0.0)
COMPARED = Compared("mlp/1", 10, SAME, SAME, SAME, SAME, WEIGHTS)


def printed(compared: Compared, capsys: pytest.CaptureFixture[str]) -> str:
    print_reproduction(Reproduction(compared, judge(compared), ("README.md",)))
    return " ".join(capsys.readouterr().out.split())


def test_control_characters_of_a_manifest_are_not_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = Link("differs", (Change("[red]own\x1b]0;title\x07.py", "a\x1b[2J", "b\x9b2J"),))
    text = printed(replace(COMPARED, code=code), capsys)
    assert "[red]own ]0;title .py: a [2J, now b 2J" in text
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text)


def test_sentence_of_a_failure_is_left_to_the_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert "mlp/1 was reproduced bit for bit." in printed(COMPARED, capsys)
    other = replace(COMPARED, weights=replace(WEIGHTS, published="b"))
    assert "was not reproduced" not in printed(other, capsys)
