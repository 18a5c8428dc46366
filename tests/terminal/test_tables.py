"""Tables and paragraphs in the width of a terminal: no word is broken."""

import re

import pytest

from pipeline.terminal.layout import new_table, print_line, print_table

LONG = "a-name-of-64-characters-which-is-the-longest-that-a-model-can-hv"


@pytest.fixture(params=[40, 80, 200])
def columns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """A terminal of each width, without colors."""
    width: int = request.param
    for name, value in {"COLUMNS": str(width), "TTY_COMPATIBLE": "1", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TERM", "xterm")
    return width


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out).splitlines()


def test_table_or_records(columns: int, capsys: pytest.CaptureFixture[str]) -> None:
    table = new_table("file", "runtime", "formats", "advice")
    table.add_row("model.onnx", "onnxruntime-web", "saved_model, onnx, keras, litert", "")
    table.add_row(LONG, "onnx-reference", "onnx", "")
    print_table(table)
    lines = printed(capsys)
    text = "\n".join(lines)
    for word in ("model.onnx", "onnxruntime-web", "saved_model,", LONG, "onnx-reference"):
        assert word in text.split()
    assert "advice" not in text  # no row has a value
    assert all(len(line) <= columns for line in lines if LONG not in line)
    if columns == 40:
        assert lines[:4] == [
            "model.onnx",
            "  runtime  onnxruntime-web",
            "  formats  saved_model, onnx, keras,",
            "           litert",
        ]


@pytest.mark.usefixtures("columns")
def test_indented_cell_keeps_its_indentation(capsys: pytest.CaptureFixture[str]) -> None:
    table = new_table("file, runtime", "time")
    table.add_row("  onnx-reference", "12 ms")
    table.add_row("  x " + "word " * 30, "12 ms")
    print_table(table)
    assert any("  onnx-reference" in line for line in printed(capsys))


@pytest.mark.usefixtures("columns")
def test_wide_characters(capsys: pytest.CaptureFixture[str]) -> None:
    table = new_table("name", "words")
    table.add_row("数字" * 8, "two columns each " * 3)
    print_table(table)
    assert "数字" * 8 in "\n".join(printed(capsys)).split()


@pytest.mark.usefixtures("columns")
def test_cells_beside_an_empty_column_are_whole(capsys: pytest.CaptureFixture[str]) -> None:
    table = new_table("model", "labels", "data", "formats")
    table.add_row("smoke", "", "mnist", "keras, onnx")
    print_table(table)
    assert {"smoke", "mnist", "onnx"} <= set(" ".join(printed(capsys)).split())


def test_paragraph(columns: int, capsys: pytest.CaptureFixture[str]) -> None:
    path = "/a/path/without/spaces/that/is/longer/than/forty/columns"
    print_line(f"Published [bold]{path}[/] (version 1). Next: pipeline serve mlp")
    lines = printed(capsys)
    assert path in " ".join(lines).split()
    assert all(len(line) <= columns or line == path for line in lines)


def test_pipe_has_whole_words_and_lines(capsys: pytest.CaptureFixture[str]) -> None:
    table = new_table(*[f"column_{number}" for number in range(20)])
    table.add_row(*[f"value_of_column_{number}" for number in range(20)])
    print_table(table)
    print_line("word " * 100)
    lines = capsys.readouterr().out.splitlines()
    assert sum("value_of_column_0 " in line for line in lines) == 1
    assert next(line for line in lines if "value_of" in line).split()[-1] == "value_of_column_19"
    assert lines[-1].split() == ["word"] * 100
