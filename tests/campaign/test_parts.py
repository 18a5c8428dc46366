"""Every part of the campaign, reduced to seconds: `make campaign-ci`, two minutes in all."""

import json
import random
from pathlib import Path

import pytest

from campaign import corpus, folders, model_files, study_kills
from campaign.fuzz_targets import TARGETS
from campaign.kill_reference import STAGES, Reference
from campaign.kills import KILLS, kill_and_finish
from campaign.mutations import mutated
from campaign.request_fuzz import FuzzedServer
from tests.support.mutations import damage
from tests.support.servers import serving

REQUESTS, CALLS, FILES, MUTATIONS = 1500, 500, 12, 20
STUDY_KILLS = 2  # of a study of four trials
KILLED = 2  # a seed that draws export and publish, each of which is soon run again


@pytest.fixture(scope="module")
def model(smoke: Path) -> Path:
    """The published smoke model."""
    return smoke / "exported" / "smoke"


def test_fuzzed_requests(smoke: Path, tmp_path: Path) -> None:
    options = ("--receive-seconds", 1, "--no-access-log")
    with serving(smoke, *options, log=tmp_path / "log") as server:
        fuzzed = FuzzedServer(server)
        for name, count in (("http 0", REQUESTS), ("grpc 0", CALLS)):
            case = fuzzed.run(name, count)
            assert case.failed == 0, case.examples
            assert case.tried == count
            assert {"200", "OK"} & set(case.outcomes), "some requests are valid"


@pytest.mark.parametrize("kind", ["saved_model", "onnx", *sorted(model_files.IN_PROCESS)])
def test_damaged_files(model: Path, tmp_path: Path, kind: str) -> None:
    case = model_files.open_damaged(f"{kind} 0", FILES, model, tmp_path)
    assert case.failed == 0, case.examples
    assert sum(case.outcomes.values()) == FILES
    assert case.outcomes["rejected"] > 0


@pytest.mark.parametrize("seed", [0, 100])
def test_bad_folders(model: Path, tmp_path: Path, seed: int) -> None:
    case = folders.serve_beside(seed, model, tmp_path / "served")
    assert case.failed == 0, case.examples


def test_kills(smoke: Path, tmp_path: Path) -> None:
    manifests = {stage: next((smoke / "runs" / stage).glob("*/manifest.json")) for stage in STAGES}
    seconds = {stage: json.loads(path.read_text())["seconds"] for stage, path in manifests.items()}
    reference = Reference(smoke, (), seconds)
    case = kill_and_finish(KILLED, reference, tmp_path, ("export", "verify", "publish"))
    assert case.failed == 0, case.examples
    assert sum(case.outcomes.values()) == KILLS
    assert case.outcomes.keys() <= {"export", "publish", "ended before the kill"}


@pytest.mark.parametrize("name", TARGETS)
def test_corpus_and_mutations_of_it(name: str) -> None:
    """Also where atheris cannot be installed."""
    inputs = corpus.read(name)
    assert inputs
    chance = random.Random(0)
    for content in inputs:
        TARGETS[name](content)
        for _ in range(MUTATIONS if content else 0):
            TARGETS[name](chance.choice([damage, mutated])(content, chance))


@pytest.mark.process
def test_study_kills(tmp_path: Path) -> None:
    undisturbed = study_kills.run_undisturbed(tmp_path, 1)
    case = study_kills.kill_and_finish(0, undisturbed, tmp_path, STUDY_KILLS)
    assert case.failed == 0, case.examples
    assert case.outcomes == {"killed": STUDY_KILLS}
