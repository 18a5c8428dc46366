"""The committed descriptors of the gRPC messages match the committed ``.proto`` files."""

import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flit_core import buildapi
from google.protobuf import descriptor_pb2

from tests.support.paths import PROJECT

FOLDER = PROJECT / "pipeline" / "serving" / "grpc"
# Each source, its package, and the descriptor set that it is compiled into.
SOURCES = {
    "open_inference.proto": ("inference", "open_inference.binpb"),
    "tensorflow.proto": ("tensorflow", "tensorflow_serving.binpb"),
    "tensorflow_serving.proto": ("tensorflow.serving", "tensorflow_serving.binpb"),
}
each_source = pytest.mark.parametrize("source", SOURCES)
COMPILER = PROJECT / ".venv-clients" / "bin" / "python"
Field = descriptor_pb2.FieldDescriptorProto

CALL = re.compile(r"rpc (\w+)\((\w+)\) returns \((\w+)\);")
MESSAGE = re.compile(r"message (\w+) {(})?")
FIELD = re.compile(r"(repeated )?(?:([\w<>, ]+) )?(\w+) = (\d+);")  # without a type in enums


def read(path: Path, source: str) -> descriptor_pb2.FileDescriptorProto:
    files = descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes()).file
    [file] = [each for each in files if each.name == source]
    return file


@pytest.mark.process
@pytest.mark.skipif(not COMPILER.exists(), reason="`make test` creates .venv-clients")
@each_source
def test_descriptor_equals_the_compiled_proto(source: str, tmp_path: Path) -> None:
    made = tmp_path / "made.binpb"
    subprocess.run(
        [
            *(COMPILER, "-m", "grpc_tools.protoc", f"--proto_path={FOLDER}", "--include_imports"),
            *(f"--descriptor_set_out={made}", FOLDER / source),
        ],
        check=True,
        timeout=120,
    )
    assert read(made, source) == read(FOLDER / SOURCES[source][1], source), "make proto"


@each_source
def test_descriptor_has_every_line_of_the_proto(source: str) -> None:
    """This does not need the compiler."""
    assert sorted(compiled(source)) == sorted(written(source)), "make proto"


def written(source: str) -> Iterator[tuple[str, ...]]:
    """Yield each call, message and field of the source, line by line."""
    path: list[str] = []
    for line in (FOLDER / source).read_text().splitlines():
        text = line.partition("//")[0].strip()
        if found := CALL.fullmatch(text):
            yield ("rpc", *found.groups())
        elif found := MESSAGE.fullmatch(text):
            path.append(found[1])
            yield ("message", ".".join(path))
            if found[2]:
                path.pop()
        elif found := FIELD.fullmatch(text):
            repeated, kind, name, number = found.groups()
            outer = ".".join(part for part in path if part not in {"enum", "oneof"})
            yield (outer, f"{repeated or ''}{kind}", name, number, str(path[-1] == "oneof"))
        elif text.endswith("{"):
            path.append(text.split()[0])
        elif text == "}":
            path.pop()
        else:
            package = f"package {SOURCES[source][0]};"
            others = {"", 'syntax = "proto3";', package, 'import "tensorflow.proto";'}
            assert text in others, line


def compiled(source: str) -> Iterator[tuple[str, ...]]:
    """Yield the same from the descriptor."""
    package, descriptor_set = SOURCES[source]
    file = read(FOLDER / descriptor_set, source)
    assert (file.syntax, file.package) == ("proto3", package)
    for service in file.service:
        for call in service.method:
            yield ("rpc", call.name, _last(call.input_type), _last(call.output_type))
    yield from _values(file.enum_type, "")
    for message in file.message_type:
        yield from _compiled(message, message.name)


def _compiled(message: Any, path: str) -> Iterator[tuple[str, ...]]:
    yield ("message", path)
    entries = {inner.name: inner for inner in message.nested_type if inner.options.map_entry}
    for field in message.field:
        entry = entries.get(_last(field.type_name))
        if entry:
            kind = f"map<{', '.join(map(_kind, entry.field))}>"
        else:
            kind = "repeated " * (field.label == Field.LABEL_REPEATED) + _kind(field)
        in_choice = str(field.HasField("oneof_index"))
        yield (path, kind, field.name, str(field.number), in_choice)
    yield from _values(message.enum_type, path)
    for inner in message.nested_type:
        if inner.name not in entries:
            yield from _compiled(inner, f"{path}.{inner.name}")


def _values(enums: Any, path: str) -> Iterator[tuple[str, ...]]:
    for enum in enums:
        for value in enum.value:
            yield (path, "None", value.name, str(value.number), "False")


def _kind(field: Any) -> str:
    named: str = Field.Type.Name(field.type).removeprefix("TYPE_").lower()
    return _last(field.type_name) if field.type_name else named


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def test_wheel_contains_the_descriptor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    wheel = tmp_path / buildapi.build_wheel(str(tmp_path))
    names = zipfile.ZipFile(wheel).namelist()
    paths = [*FOLDER.glob("*.proto"), *FOLDER.glob("*.binpb")]
    assert len(paths) == 5
    assert {str(path.relative_to(PROJECT)) for path in paths} <= set(names)
