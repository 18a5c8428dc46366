"""The rules of the package: layers, no import cycles, no heavy imports."""

import subprocess
import sys

import pytest

from tests.support.package_imports import imports, modules

# From the bottom up. A subpackage or a top-level module imports only from earlier rows.
ORDER = [
    ["errors", "progress"],
    ["system", "textbook"],
    ["trust"],
    ["pages"],
    ["config"],
    ["artifacts"],
    ["imaging"],
    ["engine"],
    ["tasks"],
    ["runtimes"],
    ["data", "models"],
    ["training", "evaluation", "export", "gradcheck"],
    ["live"],
    ["verification"],
    ["publishing"],
    ["reporting"],
    ["comparison"],
    ["stages"],
    ["studies", "tracking", "reproduction"],
    ["results"],
    ["commands"],
    ["batch_prediction"],
    ["serving"],
    ["api"],
    ["terminal"],
    ["cli"],
    ["__main__"],
]
HEAVY = {"tensorflow", "keras", "tensorflow_datasets", "tf2onnx"}
MAY_BE_HEAVY = {"tasks", "data", "models", "training", "export", "runtimes", "gradcheck", "live"}
FROM_GRPC = "serving.grpc"
HTTP = "serving.http"


def imported_modules(module: str) -> set[str]:
    """The modules of the package that a module imports."""
    names = {name.removeprefix("pipeline.") for name in imports(module) if "pipeline." in name}
    return names & set(modules())


def room_of(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


def row(room: str) -> int:
    found = [index for index, rooms in enumerate(ORDER) if room in rooms]
    assert len(found) == 1, f"{room} must be in ORDER once; found {len(found)} times"
    return found[0]


def test_imports_point_downward() -> None:
    upwards = [
        f"{module} imports {other}"
        for module in modules()
        for other in imported_modules(module)
        if room_of(other) != room_of(module) and row(room_of(other)) >= row(room_of(module))
    ]
    assert upwards == []


def test_there_are_no_import_cycles() -> None:
    assert cycles({module: imported_modules(module) for module in modules()}) == []


def test_cycle_is_detected() -> None:
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b -> c -> b"]


def cycles(graph: dict[str, set[str]]) -> list[str]:
    found: list[str] = []
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> None:
        if module in path:
            found.append(" -> ".join([*path[path.index(module) :], module]))
        elif module not in done:
            for other in sorted(graph[module]):
                visit(other, [*path, module])
            done.add(module)

    for module in sorted(graph):
        visit(module, [])
    return found


def test_grpc_does_not_import_http() -> None:
    reached: set[str] = set()
    waiting = [module for module in modules() if module.startswith(FROM_GRPC)]
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting.extend(imported_modules(module))
    assert [module for module in sorted(reached) if module.startswith(HTTP)] == []


def test_only_some_rooms_import_tensorflow() -> None:
    heavy = [
        f"{module} imports {name}"
        for module in modules()
        for name in imports(module)
        if name.split(".")[0] in HEAVY and room_of(module) not in MAY_BE_HEAVY
    ]
    assert heavy == []


@pytest.mark.process
@pytest.mark.parametrize(
    "statement",
    [
        "import pipeline",
        "from pipeline import run, load_model",
        "import pipeline.cli",
        "import pipeline.engine.runner, pipeline.api",
        "import pipeline.serving.serve",
        "import pipeline.batch_prediction.predicting, pipeline.batch_prediction.worker",
    ],
)
def test_importing_loads_no_heavy_libraries(statement: str) -> None:
    heavy = HEAVY | {"onnx", "sklearn", "pandas", "matplotlib", "mlxtend"}
    code = f"import sys; {statement}; print([m for m in {sorted(heavy)} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.process
def test_bare_import_loads_no_libraries() -> None:
    code = (
        "import sys; before = set(sys.modules); import pipeline; "
        "libraries = {'numpy', 'pydantic', 'ruamel.yaml'}; "
        "print(sorted((set(sys.modules) - before) & libraries))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
