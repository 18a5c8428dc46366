"""Fingerprints depend on the meaning of code and on the configuration, and nothing else."""

import ast
import hashlib
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.artifacts.data_source import FULL, Source
from pipeline.config import read
from pipeline.engine.fingerprints import code_hashes, file_hashes, fingerprint, presentation
from pipeline.engine.plan import Plan
from pipeline.engine.workspace import Workspace
from pipeline.stages import GRAPH, STAGES
from tests.support.code_edits import documented, edits, laid_out, undocumented, unparsed
from tests.support.files import copy_package
from tests.support.paths import PROJECT

MLP = PROJECT / "configs" / "mlp.yaml"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package whose files a test may change."""
    return copy_package(tmp_path / "pipeline")


def roots(stage_name: str) -> tuple[str, ...]:
    [stage] = [stage for stage in STAGES if stage.name == stage_name]
    return (stage.module, *stage.code(read(MLP)))


@pytest.mark.parametrize(
    ("changed", "stages"),
    [
        ("models/keras_by_name.py", {"train", "report"}),
        ("models/optimizers.py", {"train", "report"}),
        ("training/loop.py", {"train"}),
        ("evaluation/stage.py", {"evaluate"}),
        ("export/onnx.py", {"export"}),
        ("runtimes/worker.py", {"verify"}),
        ("runtimes/keras_model.py", {"evaluate", "verify", "report"}),
        ("publishing/card.py", {"publish"}),
        ("reporting/page.py", {"report"}),
        ("data/fetching.py", {"data"}),
        ("artifacts/data_set.py", {stage.name for stage in STAGES}),
        ("cli/runs.py", set()),
        ("serving/batching.py", set()),
        ("terminal/tables.py", set()),
        ("terminal/console.py", set()),
        ("__init__.py", set()),
        ("config/schema.py", set()),  # its values are fingerprinted, not its code
        ("config/training_schema.py", set()),
    ],
)
def test_changed_module_affects_only_stages_that_run_it(
    package: Path, changed: str, stages: set[str]
) -> None:
    before = {stage.name: code_hashes(roots(stage.name), package=package) for stage in STAGES}
    path = package / changed
    path.write_text(path.read_text() + "\nCHANGED = True\n")
    after = {stage.name: code_hashes(roots(stage.name), package=package) for stage in STAGES}
    assert {name for name in before if before[name] != after[name]} == stages


def test_changing_a_task_reruns_only_stages_that_use_it(package: Path) -> None:
    def hashes() -> dict[str, dict[str, str]]:
        return {stage.name: code_hashes(roots(stage.name), package=package) for stage in STAGES}

    before, task = hashes(), package / "tasks" / "multiclass.py"
    (package / "tasks" / "other.py").write_text("TASK = None\n")
    assert hashes() == before
    source = task.read_text()
    task.write_text(source.replace("names[best], prediction[best]", "names[0], prediction[0]"))
    assert task.read_text() != source
    assert hashes() == before  # only its presentation
    task.write_text(source.replace("argmax(axis=1)", "argmin(axis=1)"))
    after = hashes()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"train", "evaluate", "export", "verify", "report"}


def test_new_runtime_changes_verification(package: Path) -> None:
    before = code_hashes(roots("verify"), package=package)
    (package / "runtimes" / "new_one.py").write_text("RUNTIME = None\n")
    after = code_hashes(roots("verify"), package=package)
    assert set(after) - set(before) == {"pipeline.runtimes.new_one"}


def meaning(source: str | bytes, path: Path) -> str:
    """The hash of a file with this content."""
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    return file_hashes({"own": path})["own"]


@cache
def stage_modules() -> dict[str, str]:
    """Every module that a stage runs, and the first such stage."""
    return {m: stage.name for stage in reversed(STAGES) for m in hashes_of(stage.name)}


def path_of(module: str, package: Path = PROJECT / "pipeline") -> Path:
    base = package.joinpath(*module.split(".")[1:])
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


@pytest.mark.parametrize("rewrite", [unparsed, laid_out, undocumented, documented])
def test_comments_layout_and_docstrings_do_not_change_hash(
    rewrite: Callable[[str], str], tmp_path: Path
) -> None:
    own = tmp_path / "own.py"
    for module in stage_modules():
        source = path_of(module).read_text()
        rewritten = rewrite(source)
        assert rewritten != source, module
        assert meaning(rewritten, own) == meaning(source, own), module


@given(text=st.text(st.characters(codec="utf-8")))
def test_docstring_text_does_not_change_hash(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    own = tmp_path_factory.getbasetemp() / "own.py"
    source = "class A:\n    pass\nasync def f(): ...\ndef g():\n    return 1\n"
    assert meaning(documented(source, text), own) == meaning(source, own)


@cache
def hashes_of(stage: str) -> dict[str, str]:
    return code_hashes(roots(stage))


@cache
def sites() -> dict[str, list[tuple[str, int]]]:
    """For each kind of edit, the modules and the numbers of the edits there."""
    found: dict[str, list[tuple[str, int]]] = {}
    for module in stage_modules():
        tree = ast.parse(path_of(module).read_bytes())
        for number, edit in enumerate(edits(tree)):
            found.setdefault(edit.kind, []).append((module, number))
    return found


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package; tests restore the files that they change."""
    return copy_package(tmp_path_factory.mktemp("edited") / "pipeline")


@settings(max_examples=300)
@given(data=st.data())
def test_every_change_of_executed_code_changes_hash(edited: Path, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(sites())), label="kind of change")
    module, number = data.draw(st.sampled_from(sites()[kind]), label="module, number of the edit")
    stage, path = stage_modules()[module], path_of(module, edited)
    source = path.read_text()
    tree = ast.parse(source)
    edit = next(islice(edits(tree), number, None))
    edit.apply()
    changed = ast.unparse(tree)
    ast.parse(changed)  # otherwise its bytes would be hashed
    try:
        path.write_text(changed)
        after = code_hashes(roots(stage), package=edited)
    finally:
        path.write_text(source)
    before = hashes_of(stage)[module]
    assert after[module] != before, f"{module}, line {edit.line}: {kind}"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a = 1_000", "a = (\n    0x3e8\n)"),
        ("a = 'b' 'c'", 'a = u"bc"'),
        ("a = '\\x41'", "a = 'A'"),
        ("f(a, b)", "f(\n    a,  # why\n    b,\n)"),
        ("def f():\n    'Doc.'", "def f(): pass"),
        ("def f(): ...", "def f(): pass"),
        ("async def f():\n    'Doc.'\n    g()", "async def f(): g()"),
        ("class A:\n    'Doc.'\n    a: int\n    'Of a.'", "class A:\n    a: int"),
        ("if TYPE_CHECKING:\n    import a\nb()", "b()"),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", "import b"),
        ("if a: b()\nelif TYPE_CHECKING: c()\nelse: d()", "if a: b()\nelse: d()"),
        ("f'{a:>{b}}'", "f'' f'{a:>{b}}' ''"),  # Python 3.12 adds empty strings
    ],
)
def test_equivalent_code_has_the_same_hash(one: str, other: str, tmp_path: Path) -> None:
    assert meaning(one, tmp_path / "own.py") == meaning(other, tmp_path / "own.py")


DIFFERENT = [
    *("a = 1", "a = 1.0", "a = True", "a = '1'", "a = b'1'", "a = 1j", "a = 'True'", "a = None"),
    *("a = 0", "a = 0.0", "a = -0.0", "a = 0j", "a = False", "a = ''", "a = b''", "a = ...", "a"),
    *("a = 'None'", "a = []", "a = {}", "a = ()", "a = [None]", "a = [[]]", "a = [[], []]"),
    *("a = (b + c) + d", "a = b + (c + d)", "a = b + c - d", "a = b < c < d", "a = (b < c) < d"),
    *("a: int", "(a): int", "a: str", "a: int = 1", "a = b = 1", "a, b = 1"),
    *("f(a)", "f(*a)", "f(**a)", "f(a=a)", "f((a,))", "await f(a)", "f(a)()", "f((yield a))"),
    *("{**a}", "{a}", "{None: a}", "{a: None}", "[*a]", "[a]", "a.b", "a[b]", "a[b:]", "a[:b]"),
    *("f'{a}'", "f'a'", "'{a}' + b", "f'{a!r}'", "f'{a!s}'", "f'{a:}'", "f'{a:x}'", "f'{{a}}'"),
    *("f'{a:{b}}'", "f'{a:b}'", "f'{a=}'", "f('')", "f()", "[b for b in a]", "(b for b in a)"),
    *("def f(): pass", "async def f(): pass", "class f: pass", "f = lambda: 1", "def g(): pass"),
    *("def f(a): pass", "def f(*a): pass", "def f(*, a): pass", "def f(a, /): pass"),
    *("def f(a=1): pass", "def f(*, a=1): pass", "def f(a: int): pass", "def f() -> int: pass"),
    *("def f(*, a, b=1): pass", "def f(*, a=1, b): pass", "@a\ndef f(): pass"),
    *("import a", "import a as b", "from . import a", "from a import a", "from .a import a"),
    *("a()\nb()", "b()\na()", "if a: b()", "while a: b()", "if a: b()\nelse: c()", "if a: c()"),
    *(
        "if a:\n    b()\n    c()",
        "if a: b()\nc()",
        "if TYPE_CHECKING_: b()",
        "try: a()\nfinally: b()",
    ),
    *("try: a()\nexcept: b()", "try: a()\nexcept b: pass", "try: a()\nexcept* b: pass"),
    *(
        "for a in b: c()",
        "for a in b: pass\nelse: c()",
        "return",
        "return a",
        "raise a",
        "raise a from b",
    ),
    *("with a: b()", "with a as b: pass", "with a, b: pass", "with a:\n    with b: pass"),
]


def test_different_code_has_different_hashes(tmp_path: Path) -> None:
    found: dict[str, str] = {}
    for source in DIFFERENT:
        other = found.setdefault(meaning(source, tmp_path / "own.py"), source)
        assert other == source


EVERY_SYNTAX = r"""
from __future__ import annotations
import a.b as c
from . import d
from e import *

TYPE: int = 1
numbers = 1_000, 0x10, 1.5, -0.0, 1e400, 2j, True, None, ..., 12345678901234567890
texts = "a" 'b', u"é\N{BULLET}\ud800", b"\x00\xff", "", '\\d', "\U0001FAE8"
marks = f"{numbers!r:>{TYPE}}{{}}" "x" f"{TYPE=:{c}.{d}f}{f'{c}'}", f"", f"{c:}", f"{c!s:%H:%M}"
lists = [*numbers, 1], {1, 2}, {**c, "k": [None]}, {}, (), [x async for x in c]
made = {k: v for k, v in c if k if v}, {x for x in c}, (x for x in c), lambda a, /, *b, c=1, **d: a
sums = 1 + 2 - 3 * 4 / 5 // 6 % 7 ** 8 @ 9, ~1 << 2 >> 3 | 4 & 5 ^ 6, not c, +c
truth = c < d <= c != d == c > d >= c is d is not c in d not in c and d or c
parts = c[1], c[1:2:3, ...], c.d, c[:], c[*d], c if d else e, (walrus := 1)


@c(1, *d, key=2, **e)
class A(c, metaclass=d):
    "Docstring."

    field: int
    (other): str = "s"

    def method(self, a, b: int = 1, /, *c: str, d, e=None, **f) -> None:
        "Docstring."
        global g
        nonlocal h
        del a, b[1], c.d
        a += 1; a -= 1; a @= 1
        try:
            yield a
            yield from b
            return
        except (A, c) as error:
            raise c from error
        except:
            raise
        else:
            assert c, "why"
        finally:
            pass

    async def work(self):
        async with c as d, e:
            await d
        async for i, *j in c:
            continue
        else:
            return i


while c:
    break
else:
    if c: d
    elif e: pass
    else: ...
for i in c: i[0].x = y = 1
with (c as d, e): pass
try: c
except* d: e
match c:
    case {"k": 1, **rest} | A(1, x=2): d
    case [1, *_] | (None) | -1 | "s" as t if t: d
    case c.d | _: d
"""


def test_hash_is_the_same_on_every_python_version(tmp_path: Path) -> None:
    """Identical in 3.11, 3.12 and 3.13. Any other hash makes all trained models out of date."""
    assert meaning(EVERY_SYNTAX, tmp_path / "own.py") == (
        "62fbc8dba940b0763af63bba21f8b31187c25106bf174e032fcf6fa170afb098"
    )
    used = {
        type(node) for path in map(path_of, stage_modules()) for node in nodes(path.read_text())
    }
    assert used <= {type(node) for node in nodes(EVERY_SYNTAX)}


def nodes(source: str) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(source))


MARKED = """
from pipeline.engine.fingerprints import presentation

def work():
    return 1

@presentation
def show(rows):
    from pipeline.cli import table
    return table(rows)

class Result:
    @presentation
    def __str__(self):
        return "one"
"""


def test_presentation_returns_the_definition_unchanged() -> None:
    assert presentation(documented) is documented


def test_presentation_does_not_change_hash(tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    plain = "def work():\n    return 1\nclass Result: pass"
    assert meaning(MARKED, own) == meaning(plain, own)
    assert meaning(MARKED.replace("return 1", "return 2"), own) != meaning(plain, own)
    more = MARKED.replace("import presentation", "import fingerprint, presentation")
    assert meaning(more, own) != meaning(plain, own)


def test_other_decorator_named_presentation_changes_hash(tmp_path: Path) -> None:
    foreign = MARKED.replace("pipeline.engine.fingerprints", "slides")
    changed = foreign.replace("'one'", "'two'").replace('"one"', '"two"')
    assert meaning(foreign, tmp_path / "own.py") != meaning(changed, tmp_path / "own.py")


def test_imports_for_presentation_do_not_change_hash(package: Path) -> None:
    before = code_hashes(roots("evaluate"), package=package)
    path = package / "evaluation" / "stage.py"
    path.write_text(path.read_text() + MARKED.partition("class")[0])
    after = code_hashes(roots("evaluate"), package=package)
    assert set(after) == set(before)
    assert after != before  # def work()


def test_files_that_are_not_python_are_hashed_by_bytes(tmp_path: Path) -> None:
    for name, content in [("script.mjs", b"a // b"), ("broken.py", b"a b  # c"), ("z.py", b"\0")]:
        assert meaning(content, tmp_path / name) == hashlib.sha256(content).hexdigest()


def test_unreadable_file_counts_as_not_found(tmp_path: Path) -> None:
    assert set(file_hashes({"folder": tmp_path, "none": tmp_path / "none.py"}).values()) == {
        "not found"
    }


def test_warnings_and_long_expressions_do_not_prevent_parsing(tmp_path: Path) -> None:
    """Otherwise the bytes would be hashed, and a comment would change the hash."""
    for source in (r"a = '\d'", "a = " + "+".join(["b"] * 800)):
        own = tmp_path / "own.py"
        assert meaning(source, own) == meaning(f"{source}  # comment", own)


def plan_of(*overrides: str, kind: str = FULL) -> dict[str, str]:
    config = read(MLP, list(overrides))
    return Plan(GRAPH, config, Source(kind, ""), Workspace(Path("nowhere"))).fingerprints


@pytest.mark.parametrize(
    ("override", "first"),
    [
        ("data.seed=1", "data"),
        ("train.batch_size=32", "train"),
        ("optimizer.learning_rate=0.2", "train"),
        ("model.hidden=[8]", "train"),
        ("export.formats=[onnx]", "export"),
        ("publish.min_accuracy=0.1", "report"),
        ("name=other", "report"),
    ],
)
def test_changed_key_affects_its_stage_and_later_ones(override: str, first: str) -> None:
    before, after = plan_of(), plan_of(override)
    changed = {name for name in before if before[name] != after[name]}
    inputs = {stage.name: set(stage.inputs) for stage in STAGES}
    expected = {first}
    for stage in STAGES:
        if inputs[stage.name] & expected:
            expected.add(stage.name)
    assert changed == expected


def test_fingerprints_depend_on_the_data_not_its_location() -> None:
    moved = ["data.manual_dir=/elsewhere", "data.offline=fail", "data.mirrors=['http://x/']"]
    assert plan_of(*moved) == plan_of()
    assert plan_of(kind="sample") != plan_of()


def test_fingerprints_depend_on_the_number_of_workers_alone() -> None:
    waiting = ["train.cluster=auto", "train.join_seconds=1", "train.lost_seconds=1"]
    assert plan_of(*waiting) == plan_of()
    assert plan_of("train.workers=2")["train"] != plan_of()["train"]


def test_fingerprints_ignore_the_order_of_keys() -> None:
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
