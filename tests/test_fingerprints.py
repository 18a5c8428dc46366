"""What a stage depends on: its own code and helpers, its configuration, nothing else."""

from pathlib import Path

import pytest
from conftest import PROJECT, copy_package

from pipeline.artifacts.source import FULL, Source
from pipeline.config import read
from pipeline.engine.fingerprints import code_hashes, fingerprint
from pipeline.engine.plan import Plan
from pipeline.engine.workspace import Workspace
from pipeline.stages import GRAPH, STAGES

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
        ("models/keras_objects.py", {"train"}),
        ("models/optimizers.py", {"train"}),
        ("training/loop.py", {"train"}),
        ("evaluation/stage.py", {"evaluate"}),
        ("export/onnx.py", {"export"}),
        ("runtimes/worker.py", {"verify"}),
        ("runtimes/keras_model.py", {"evaluate", "verify"}),
        ("publishing/card.py", {"publish"}),
        ("data/fetching.py", {"data"}),
        ("artifacts/data_set.py", {"data", "train", "evaluate", "export", "verify", "publish"}),
        ("cli.py", set()),
        ("serving/batching.py", set()),
        ("terminal/tables.py", set()),
        ("config/schema.py", set()),  # its values are fingerprinted, not its code
    ],
)
def test_a_changed_file_concerns_the_stages_that_run_it(
    package: Path, changed: str, stages: set[str]
) -> None:
    before = {stage.name: code_hashes(roots(stage.name), package=package) for stage in STAGES}
    path = package / changed
    path.write_text(path.read_text() + "\n# changed\n")
    after = {stage.name: code_hashes(roots(stage.name), package=package) for stage in STAGES}
    assert {name for name in before if before[name] != after[name]} == stages


def test_a_new_runtime_is_part_of_verification(package: Path) -> None:
    before = code_hashes(roots("verify"), package=package)
    (package / "runtimes" / "new_one.py").write_text("RUNTIME = None\n")
    after = code_hashes(roots("verify"), package=package)
    assert set(after) - set(before) == {"pipeline.runtimes.new_one"}


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
        ("publish.min_accuracy=0.1", "publish"),
        ("name=other", "publish"),
    ],
)
def test_a_changed_key_concerns_its_stage_and_those_after(override: str, first: str) -> None:
    before, after = plan_of(), plan_of(override)
    changed = {name for name in before if before[name] != after[name]}
    inputs = {stage.name: set(stage.inputs) for stage in STAGES}
    expected = {first}
    for stage in STAGES:
        if inputs[stage.name] & expected:
            expected.add(stage.name)
    assert changed == expected


def test_where_the_data_lies_changes_nothing_but_which_data_it_is_does() -> None:
    moved = ["data.manual_dir=/elsewhere", "data.offline=fail", "data.mirrors=['http://x/']"]
    assert plan_of(*moved) == plan_of()
    assert plan_of(kind="sample") != plan_of()


def test_fingerprints_do_not_depend_on_the_order_of_keys() -> None:
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
