"""The rules of the package: who imports whom, and what is never loaded."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "pipeline"

# From the bottom up; a module may import modules of earlier rows and of its own row's package.
ORDER = [
    ["errors"],
    ["progress", "atomic", "machine", "digits", "jpeg", "wire"],
    ["config", "store", "fingerprints", "handover", "names"],
    ["workspace"],
    ["export.contract", "export.formats"],
    ["runtimes", "images", "context"],
    ["data"],
    ["model", "optimizers"],
    ["training"],
    ["evaluation", "export"],
    ["provable"],
    ["verification", "publishing"],
    ["stages"],
    ["running"],
    ["reasons", "reverification", "file_verification", "diagnosis", "prediction"],
    ["terminal.console"],
    ["serving"],
    ["api"],
    ["terminal"],
    ["cli"],
    ["__main__"],
]
WORK = ("data", "training", "evaluation", "export")
HEAVY = {"tensorflow", "keras", "tensorflow_datasets", "tf2onnx"}
MAY_BE_HEAVY = ("data", "model", "optimizers", "training", "export", "runtimes")


def modules() -> dict[str, Path]:
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        found[name.removesuffix(".__init__").replace("__init__", "")] = path
    return {name: path for name, path in found.items() if name}


def imports(path: Path) -> set[str]:
    """Every import, those inside functions and for type checking included."""
    names: set[str] = set()
    known = modules()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            submodules = {name for name in inside if name.removeprefix("pipeline.") in known}
            names |= submodules or {node.module}
    return names


def row(module: str) -> int:
    matches = [
        (len(prefix), index)
        for index, prefixes in enumerate(ORDER)
        for prefix in prefixes
        if module == prefix or module.startswith(f"{prefix}.")
    ]
    assert matches, f"{module} has no place in ORDER: give it one"
    return max(matches)[1]


def package_of(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


@pytest.mark.parametrize("module", sorted(modules()))
def test_imports_go_downwards_only(module: str) -> None:
    for imported in imports(modules()[module]):
        if not imported.startswith("pipeline."):
            continue
        other = imported.removeprefix("pipeline.")
        if package_of(other) == package_of(module):
            continue
        assert row(other) < row(module) or is_type_of_context(module, other), (
            f"{module} must not import {other}: it stands above or beside it"
        )


def is_type_of_context(module: str, other: str) -> bool:
    """The context only names the type of the source, it never imports the module when run."""
    return (module, other) == ("context", "data.sources")


@pytest.mark.parametrize("module", sorted(modules()))
def test_the_work_of_stages_is_independent(module: str) -> None:
    if package_of(module) not in WORK:
        return
    others = {package_of(i.removeprefix("pipeline.")) for i in imports(modules()[module])}
    light = {"export"} if not reaches_export_work(module) else set()
    assert not (others & set(WORK)) - {package_of(module)} - light


def reaches_export_work(module: str) -> bool:
    allowed = {"pipeline.export.contract", "pipeline.export.formats"}
    found = {i for i in imports(modules()[module]) if i.startswith("pipeline.export")}
    return package_of(module) != "export" and bool(found - allowed)


@pytest.mark.parametrize("module", sorted(modules()))
def test_only_some_modules_may_import_tensorflow(module: str) -> None:
    heavy = {name.split(".")[0] for name in imports(modules()[module])} & HEAVY
    assert not heavy or package_of(module) in MAY_BE_HEAVY


@pytest.mark.parametrize(
    "statement",
    [
        "import pipeline",
        "from pipeline import run, load_model",
        "import pipeline.cli",
        "import pipeline.running, pipeline.api",
    ],
)
def test_importing_loads_nothing_heavy(statement: str) -> None:
    heavy = HEAVY | {"onnx", "sklearn", "pandas", "matplotlib", "mlxtend"}
    code = f"import sys; {statement}; print([m for m in {sorted(heavy)} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_bare_import_loads_no_library_at_all() -> None:
    code = (
        "import sys; before = set(sys.modules); import pipeline; "
        "print(sorted(m for m in set(sys.modules) - before if m in {'numpy', 'pydantic', 'yaml'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
