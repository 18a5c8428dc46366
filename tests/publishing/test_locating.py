"""Models that are not where they are looked for: every message says what is there instead."""

import json
from pathlib import Path

import pytest

from pipeline.errors import ModelError
from pipeline.publishing.locating import locate
from tests.support.command_line import assert_error, in_process


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace's ``exported`` with two versions of one model, seen from another folder."""
    exported = tmp_path / "workspace" / "exported"
    for version in (1, 2):
        (exported / "smoke" / str(version)).mkdir(parents=True)
    (exported / "smoke" / "labels.json").write_text(json.dumps({"stable": 1}))
    (exported / "no-model").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return exported


VERSIONS = "The versions in {exported}/smoke are 1 (stable), 2. "
ADVICE = "Specify one of them, as in smoke/2, or smoke for the default version."
UNKNOWN = "No model '{}' is published in {{exported}}, and there is no such file or folder. "
LISTED = (
    "The published models are smoke. Publish a model with pipeline run, or specify another "
    "workspace with -C."
)


@pytest.mark.parametrize("command", ["predict", "verify", "serve"])
@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("smoke/9", f"smoke has no version '9'. {VERSIONS}{ADVICE}"),
        ("smoke/latest", f"smoke has no version 'latest'. {VERSIONS}{ADVICE}"),
        (
            "smoke:1",
            f"A version must be written NAME/VERSION; got 'smoke:1'. {VERSIONS}Did you mean "
            "'smoke/1'?",
        ),
        ("smoke@v2", f"got 'smoke@v2'. {VERSIONS}Did you mean 'smoke/2'?"),
        ("smoke:9", f"got 'smoke:9'. {VERSIONS}{ADVICE}"),
        ("Smoke", f"{UNKNOWN.format('Smoke')}Did you mean 'smoke'? {LISTED}"),
        ("smokes/1", f"{UNKNOWN.format('smokes/1')}Did you mean 'smoke'? {LISTED}"),
        ("Smoke:1", f"{UNKNOWN.format('Smoke:1')}Did you mean 'smoke'? {LISTED}"),
        ("mlp", f"{UNKNOWN.format('mlp')}{LISTED}"),
        ("exported/mlp", f"{UNKNOWN.format('exported/mlp')}{LISTED}"),
        (
            "exported/smoke/3",
            f"exported/smoke has no version '3'. {VERSIONS}Specify one of them, as in "
            "exported/smoke/2, or exported/smoke for the default version.",
        ),
    ],
)
def test_message_names_what_is_published(
    exported: Path, command: str, model: str, text: str
) -> None:
    images = ["x.png"] if command == "predict" else []
    done = in_process(command, model, *images, "-C", exported.parent)
    assert_error(done, 2, text.format(exported=exported))


@pytest.mark.usefixtures("exported")
def test_message_without_published_models() -> None:
    done = in_process("predict", "mlp", "x.png")
    assert_error(done, 2, "is published in exported, and", "No model has been published there yet.")


def test_long_lists_are_shortened(exported: Path) -> None:
    for version in range(3, 31):
        (exported / "smoke" / str(version)).mkdir()
    with pytest.raises(ModelError, match=r"are 21, 22, .*, 29, 30 and 20 more\. Specify"):
        locate("smoke/99", exported)


def test_paths_are_those_given_or_below_the_workspace(exported: Path) -> None:
    inside = exported.parent
    (inside / "model.onnx").touch()
    assert locate("smoke", exported) == exported / "smoke"
    for path in ("exported/smoke", "exported/smoke/1", "model.onnx"):
        assert locate(path, exported) == inside / path
    Path("exported/smoke/7").mkdir(parents=True)
    Path("model.onnx").touch()
    assert locate("exported/smoke", exported) == Path("exported/smoke"), "the one given is first"
    assert locate("model.onnx", exported) == Path("model.onnx")


def test_serve_requires_a_published_model(exported: Path) -> None:
    (exported.parent / "model.onnx").touch()
    done = in_process("serve", "model.onnx", "-C", exported.parent)
    text = (
        "pipeline serve requires published models (NAME, NAME/VERSION or their folders); got the "
        f"file {exported.parent}/model.onnx. Publish a model with pipeline run and specify its "
        "name, or use pipeline predict and pipeline verify, which open single files."
    )
    assert_error(done, 2, text)
