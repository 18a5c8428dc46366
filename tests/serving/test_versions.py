"""Versions: hot reload, rejection of broken versions, labels, readiness."""

import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

import pipeline
from pipeline.errors import ModelError
from tests.support.processes import wait_until
from tests.support.servers import Server, serving

pytestmark = pytest.mark.server

BODY = {"instances": [[[[0]] * 28] * 28]}


@pytest.fixture
def workspace(complete: Path, tmp_path: Path) -> Path:
    """A private workspace with version 1."""
    shutil.copytree(complete / "exported", tmp_path / "exported")
    return tmp_path


@pytest.fixture
def running(workspace: Path) -> Iterator[Server]:
    with serving(workspace, log=workspace / "log") as server:
        yield server


def model_folder(workspace: Path) -> Path:
    return workspace / "exported" / "smoke"


def add_version(workspace: Path, number: int, spoil: Any = lambda _: None, **changes: Any) -> Path:
    """Publish version 1 again under another number, by renaming, as ``publish`` does.

    ``spoil`` modifies the folder before it becomes visible.
    """
    folder = model_folder(workspace)
    temporary = folder / f".tmp-{number}"
    shutil.copytree(folder / "1", temporary)
    manifest = json.loads((temporary / "manifest.json").read_text())
    manifest |= {"version": number, **changes}
    (temporary / "manifest.json").write_text(json.dumps(manifest))
    spoil(temporary)
    return temporary.rename(folder / str(number))


def set_labels(workspace: Path, **labels: int) -> None:
    folder = model_folder(workspace)
    (folder / ".labels").write_text(json.dumps(labels))
    (folder / ".labels").replace(folder / "labels.json")


def status(server: Server) -> dict[str, Any]:
    return dict(server.get("/v1/models/smoke").json())


def states(server: Server) -> dict[str, tuple[str, str]]:
    rows = status(server)["model_version_status"]
    return {row["version"]: (row["state"], row["status"]["error_message"]) for row in rows}


def test_new_version_is_served_without_failed_requests(workspace: Path, running: Server) -> None:
    responses: list[tuple[int, str]] = []
    done = threading.Event()

    def send_requests() -> None:
        with requests.Session() as session:
            while not done.is_set():
                response = session.post(
                    f"{running.url}/v1/models/smoke:predict", json=BODY, timeout=30
                )
                responses.append((response.status_code, response.text))

    clients = [threading.Thread(target=send_requests) for _ in range(4)]
    for client in clients:
        client.start()
    for number in (2, 3, 4):
        add_version(workspace, number)
        set_labels(workspace, stable=number)
        expected = str(number)
        wait_until(lambda: status(running)["default_version"] == expected)  # noqa: B023
    shutil.rmtree(model_folder(workspace) / "1")
    wait_until(lambda: "1" not in states(running))
    done.set()
    for client in clients:
        client.join()
    assert len(responses) > 50
    assert {code for code, _ in responses} == {200}
    assert running.get("/v1/models/smoke/versions/1").status_code == 404


def test_labels_select_versions(workspace: Path, running: Server) -> None:
    add_version(workspace, 2)
    set_labels(workspace, stable=1, canary=2)
    wait_until(lambda: status(running)["labels"] == {"stable": "1", "canary": "2"})
    assert status(running)["default_version"] == "1"
    for label, number in (("stable", "1"), ("canary", "2")):
        path = f"/v1/models/smoke/labels/{label}"
        assert running.post(f"{path}:predict", json=BODY).status_code == 200
        assert running.get(f"{path}/metadata").json()["model_spec"]["version"] == number


def test_openapi_document_follows_the_versions(workspace: Path, running: Server) -> None:
    def versions() -> list[str]:
        path = running.get("/openapi.json").json()["paths"]["/v1/models/{name}/versions/{version}"]
        [schema] = [one["schema"] for one in path["get"]["parameters"] if one["name"] == "version"]
        return list(schema["enum"])

    assert versions() == ["1"]
    add_version(workspace, 2)
    set_labels(workspace, stable=1, canary=2)
    wait_until(lambda: status(running)["labels"] == {"stable": "1", "canary": "2"})
    assert versions() == ["1", "2"]


def test_server_follows_the_commands(workspace: Path, running: Server) -> None:
    add_version(workspace, 2)
    wait_until(lambda: {"1", "2"} <= set(states(running)))
    for command, version in ((pipeline.promote, "2"), (pipeline.rollback, "1")):
        command("smoke", workspace=workspace)
        wait_until(lambda: status(running)["default_version"] == version)  # noqa: B023
        assert running.post("/v1/models/smoke:predict", json=BODY).status_code == 200
    pipeline.remove("smoke/2", workspace=workspace)
    wait_until(lambda: "2" not in states(running))
    pipeline.remove("smoke/2", undo=True, workspace=workspace)
    wait_until(lambda: states(running).get("2") == ("AVAILABLE", ""))


def damage_weights(folder: Path) -> None:
    content = bytearray((folder / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.onnx").write_bytes(content)


def change_golden_predictions(folder: Path) -> None:
    """Record other predictions than the model's, with correct hashes."""
    import numpy as np

    from pipeline.system.atomic import sha256

    with np.load(folder / "golden.npz") as file:
        images, probabilities = file["images"], file["probabilities"]
    np.savez(folder / "golden.npz", images=images, probabilities=probabilities[::-1])
    manifest = json.loads((folder / "manifest.json").read_text())
    golden = folder / "golden.npz"
    manifest["files"]["golden.npz"] = {"bytes": golden.stat().st_size, "sha256": sha256(golden)}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def remove_golden(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"]["golden.npz"]
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (damage_weights, "model.onnx does not have the SHA-256"),
        (change_golden_predictions, "gives different predictions on this machine"),
        (remove_golden, "it has no golden.npz"),
        (
            lambda folder: (folder / "manifest.json").unlink(),
            "as the manifest of a published model",
        ),
        (
            lambda folder: (folder / "manifest.json").write_text("{"),
            "as the manifest of a published model",
        ),
        (lambda folder: (folder / "model.onnx").unlink(), "model.onnx is missing"),
        (lambda folder: (folder / "evil.txt").symlink_to("/nowhere"), None),
    ],
)
def test_broken_version_is_rejected_and_old_one_serves(
    workspace: Path, running: Server, spoil: Any, words: str | None
) -> None:
    add_version(workspace, 2, spoil)
    set_labels(workspace, stable=2)
    wait_until(lambda: states(running).get("2", ("LOADING", ""))[0] in {"END", "AVAILABLE"})
    if words is None:  # a file that is neither listed nor opened is ignored
        assert states(running)["2"] == ("AVAILABLE", "")
        return
    assert states(running)["2"][0] == "END"
    assert words in states(running)["2"][1]
    wait_until(lambda: any(words in event.get("message", "") for event in running.events()))
    assert status(running)["default_version"] == "1"
    assert running.predict(BODY).status_code == 200
    assert running.post("/v1/models/smoke/labels/stable:predict", json=BODY).status_code == 200
    refused = running.post("/v1/models/smoke/versions/2:predict", json=BODY)
    assert refused.status_code == 503
    assert words in refused.json()["error"]


def add_file_name_that_is_not_utf8(folder: Path) -> None:
    """Its U+2028 must not split a line of the log, whatever reads it."""
    Path(os.fsdecode(bytes(folder) + b"/variables/variables.\xff\xe2\x80\xa8")).touch()


def test_file_names_need_not_be_utf8(workspace: Path, running: Server) -> None:
    add_version(workspace, 2, add_file_name_that_is_not_utf8)
    wait_until(lambda: states(running).get("2", ("LOADING", ""))[0] != "LOADING")
    add_version(workspace, 3)
    wait_until(lambda: states(running).get("3", ("", ""))[0] == "AVAILABLE")
    lines = running.log.read_text().rpartition("\n")[0].splitlines()
    assert all(map(json.loads, lines))
    assert not [event for event in running.events() if "traceback" in event]


def test_rejected_version_is_retried_after_a_change(workspace: Path, running: Server) -> None:
    folder = add_version(workspace, 2, damage_weights)
    good = (model_folder(workspace) / "1" / "model.onnx").read_bytes()
    wait_until(lambda: states(running).get("2", ("", ""))[0] == "END")
    (folder / "model.onnx").write_bytes(good)
    wait_until(lambda: states(running)["2"] == ("AVAILABLE", ""))


def test_version_altered_on_disk_serves_from_memory(workspace: Path, running: Server) -> None:
    damage_weights(model_folder(workspace) / "1")
    wait_until(lambda: states(running)["1"][1])
    assert states(running)["1"][0] == "AVAILABLE"
    kept = "(What was loaded before the change is still served.)"
    assert states(running)["1"][1].endswith(kept)
    wait_until(lambda: any(kept in event.get("message", "") for event in running.events()))
    assert running.predict(BODY).status_code == 200


def test_broken_labels_file_leaves_labels_unchanged(workspace: Path, running: Server) -> None:
    add_version(workspace, 2)
    (model_folder(workspace) / "labels.json").write_text("{")
    wait_until(lambda: "2" in states(running))
    assert status(running)["labels"] == {"stable": "1"}
    warning = "labels not updated"
    wait_until(lambda: any(warning in event.get("message", "") for event in running.events()))


def label_status(server: Server) -> dict[str, tuple[str, str | None, str]]:
    """The version of each label, the one that is served, and why they differ."""
    rows = status(server)["label_status"]
    return {
        row["label"]: (row["version"], row["served_version"], row["status"]["error_message"])
        for row in rows
    }


def test_label_of_missing_version_gives_503(workspace: Path, running: Server) -> None:
    set_labels(workspace, stable=7, canary=1)
    problem = "version 7 does not exist; requests get 503"
    expected = {"stable": ("7", None, problem), "canary": ("1", "1", "")}
    wait_until(lambda: label_status(running) == expected)
    assert status(running)["ready"] is False
    assert status(running)["default_version"] is None
    assert status(running)["labels"] == {"canary": "1"}
    words = (
        "The label stable of smoke refers to version 7, which does not exist. Available versions: "
        "1. Request one of these, or correct the label."
    )
    for path in ("", "/labels/stable"):
        response = running.post(f"/v1/models/smoke{path}:predict", json=BODY)
        assert (response.status_code, response.json()["error"]) == (503, words)
    assert running.get("/v2/models/smoke/ready").status_code == 503
    for path in ("/labels/canary", "/versions/1"):
        assert running.post(f"/v1/models/smoke{path}:predict", json=BODY).status_code == 200
    assert running.post("/v1/models/smoke/versions/7:predict", json=BODY).status_code == 404
    metric = 'pipeline_model_problems{model="smoke",problem="label"}'
    assert f"{metric} 1.0" in running.get("/metrics").text
    wait_until(lambda: messages(running, f"label stable: {problem}"))
    add_version(workspace, 7)
    wait_until(lambda: label_status(running)["stable"] == ("7", "7", ""))
    assert running.predict(BODY).status_code == 200
    assert f"{metric} 0.0" in running.get("/metrics").text
    assert len(messages(running, "label stable: ")) == 1


def test_label_of_rejected_version_is_served_by_the_one_before(
    workspace: Path, running: Server
) -> None:
    add_version(workspace, 2, damage_weights)
    set_labels(workspace, stable=2)
    problem = "version 2 was rejected; version 1 is served instead"
    wait_until(lambda: label_status(running) == {"stable": ("2", "1", problem)})
    assert running.predict(BODY).status_code == 200
    wait_until(lambda: messages(running, f"label stable: {problem}"))
    metric = 'pipeline_model_problems{model="smoke",problem="rejected"}'
    assert f"{metric} 1.0" in running.get("/metrics").text


def messages(server: Server, words: str) -> list[str]:
    found = [event.get("message", "") for event in server.events()]
    return [message for message in found if words in message]


def test_labels_of_versions_that_are_not_selected_are_ignored(workspace: Path) -> None:
    add_version(workspace, 2)
    set_labels(workspace, stable=2, canary=1)
    one = model_folder(workspace) / "1"
    with serving(workspace, one, log=workspace / "log") as server:
        assert status(server)["default_version"] == "1"
        assert status(server)["labels"] == {"canary": "1"}
        assert server.get("/v1/models/smoke/labels/stable/metadata").status_code == 404


def test_model_with_missing_stable_version_can_be_named(workspace: Path) -> None:
    set_labels(workspace, stable=7)
    with serving(workspace, "smoke", log=workspace / "log") as server:
        assert server.predict(BODY).status_code == 503
        path = "/v1/models/smoke/versions/1:predict"
        assert server.post(path, json=BODY).status_code == 200


def test_server_is_not_ready_before_first_publication(complete: Path, tmp_path: Path) -> None:
    with serving(tmp_path, log=tmp_path / "log", wait=False) as server:
        wait_until(lambda: server.get("/v2/health/live").status_code == 200)
        assert server.get("/v2/health/ready").status_code == 503
        assert server.get("/v1/models").json() == {"models": []}
        assert "nothing is published" in server.get("/v1/models/smoke").json()["error"]
        shutil.copytree(complete / "exported", tmp_path / "temporary")
        (tmp_path / "temporary").rename(tmp_path / "exported")
        wait_until(lambda: server.get("/v2/health/ready").status_code == 200)
        assert server.predict(BODY).status_code == 200
        shutil.rmtree(tmp_path / "exported" / "smoke")
        wait_until(lambda: server.get("/v2/health/ready").status_code == 503)


def test_model_that_reappears_is_served_again(workspace: Path, running: Server) -> None:
    """The files are unchanged, as after remounting a volume."""
    away = model_folder(workspace).rename(workspace / "away")
    wait_until(lambda: running.get("/v2/health/ready").status_code == 503)
    away.rename(model_folder(workspace))
    wait_until(lambda: running.get("/v2/health/ready").status_code == 200)
    assert running.predict(BODY).status_code == 200


def test_unrelated_files_in_exported_are_ignored(workspace: Path) -> None:
    exported = workspace / "exported"
    shutil.copytree(model_folder(workspace) / "1", exported / "backup")
    (exported / "2024" / "notes").mkdir(parents=True)
    (exported / "lost").symlink_to("/nowhere")
    Path(os.fsdecode(os.fsencode(exported) + b"/b\xff")).mkdir()
    shutil.copytree(model_folder(workspace), Path(os.fsdecode(os.fsencode(exported) + b"/c\xff")))
    with serving(workspace, log=workspace / "log") as server:
        assert server.get("/v1/models").json() == {"models": ["smoke"]}
        assert server.post("/v2/repository/index").status_code == 200
        add_version(workspace, 2)
        wait_until(lambda: states(server).get("2") == ("AVAILABLE", ""))
    assert not [event for event in server.events() if "traceback" in event]


def test_model_name_may_be_a_number(workspace: Path) -> None:
    folder = model_folder(workspace).rename(workspace / "exported" / "2024")
    manifest = json.loads((folder / "1" / "manifest.json").read_text())
    (folder / "1" / "manifest.json").write_text(json.dumps({**manifest, "name": "2024"}))
    with serving(workspace, log=workspace / "log") as server:
        assert server.predict(BODY, "2024").status_code == 200
    with serving(workspace, "2024", log=workspace / "log") as server:
        assert server.predict(BODY, "2024").status_code == 200


def test_removed_version_is_no_longer_served(workspace: Path) -> None:
    one = model_folder(workspace) / "1"
    with serving(workspace, one, log=workspace / "log") as server:
        assert server.predict(BODY).status_code == 200
        one.rename(workspace / "away")
        wait_until(lambda: server.get("/v2/health/ready").status_code == 503)


def test_labels_may_contain_any_characters(workspace: Path, running: Server) -> None:
    set_labels(workspace, **{"stable": 1, "can-ary": 1, "größe": 1})
    wait_until(lambda: len(status(running)["labels"]) == 3)
    for label in ("can-ary", "größe"):
        path = f"/v1/models/smoke/labels/{label}:predict"
        assert running.post(path, json=BODY).status_code == 200


def test_reserved_name_is_never_a_model(workspace: Path) -> None:
    for name in ("stats", "Config"):
        folder = workspace / "exported" / name / "1"
        shutil.copytree(model_folder(workspace) / "1", folder)
        manifest = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps({**manifest, "name": name}))
    with pytest.raises(ModelError) as caught:
        pipeline.serve(["stats"], workspace=workspace, port=0)
    assert "no model can have the name 'stats'. Publish it under another name" in str(caught.value)
    with serving(workspace, log=workspace / "log") as server:
        assert server.get("/v1/models").json() == {"models": ["smoke"]}
        for name in ("stats", "Config"):
            assert server.get(f"/v2/models/{name}/ready").status_code == 404
            refused = f"/v2/models/{name} is a path of the server"
            logged = [event for event in server.events() if refused in event.get("message", "")]
            assert [event["model"] for event in logged] == [name]


def test_only_named_models_are_served(workspace: Path) -> None:
    add_version(workspace, 2)
    shutil.copytree(model_folder(workspace), workspace / "exported" / "other")
    with serving(workspace, "smoke", log=workspace / "log") as server:
        assert server.get("/v1/models").json() == {"models": ["smoke"]}
    one = model_folder(workspace) / "1"
    with serving(workspace, one, log=workspace / "log") as server:
        assert list(states(server)) == ["1"]


def test_renamed_model_folder_is_rejected(workspace: Path) -> None:
    """The name in the manifest must match the folder."""
    model_folder(workspace).rename(workspace / "exported" / "other")
    with serving(workspace, log=workspace / "log", wait=False) as server:
        path = "/v1/models/other"
        wait_until(lambda: server.get(path).json().get("model_version_status"))
        wait_until(lambda: server.get(path).json()["model_version_status"][0]["state"] == "END")
        [row] = server.get(path).json()["model_version_status"]
        assert "it is smoke version 1" in row["status"]["error_message"]
        assert server.get("/v2/health/ready").status_code == 503
