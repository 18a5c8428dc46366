"""The accuracy of the included configurations on the full MNIST data set."""

import shutil

import pytest

from pipeline import run
from pipeline.progress import Silent
from tests.conftest import FullMnist
from tests.support.paths import PROJECT


@pytest.fixture(scope="module")
def accuracies(full_mnist: FullMnist, tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    place = tmp_path_factory.mktemp("accuracy")
    shutil.copytree(full_mnist.data, place / "runs" / "data" / full_mnist.data.name)
    found = {}
    for name in ("lecture/softmax", "lecture/linear_deep", "mlp"):
        config = PROJECT / "configs" / f"{name}.yaml"
        result = run(config, workspace=place, until="evaluate", progress=Silent())
        assert result.stages[0].status == "cached"
        assert result.data.test == 10_000
        found[result.name] = result.metrics["test"].accuracy
    return found


def test_softmax_classifier_beats_that_of_the_lecture(accuracies: dict[str, float]) -> None:
    assert accuracies["softmax"] >= 0.92


def test_default_network_is_as_accurate_as_promised(accuracies: dict[str, float]) -> None:
    assert accuracies["mlp"] >= 0.982


def test_linear_hidden_layers_do_not_help(accuracies: dict[str, float]) -> None:
    """Hidden layers without activation are no better than none, and at most a point worse."""
    assert (
        accuracies["softmax"] - 0.01 <= accuracies["linear_deep"] <= accuracies["softmax"] + 0.002
    )
