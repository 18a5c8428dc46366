"""The accuracy of configurations of the lecture on the full MNIST data set.

`.ci/check_proven.py` checks that of the default configuration.
"""

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
    # Half of its epochs are enough for the comparison.
    for name, changed in (("softmax", []), ("linear_deep", ["train.epochs=5"])):
        config = PROJECT / "configs" / "lecture" / f"{name}.yaml"
        result = run(config, changed, workspace=place, until="evaluate", progress=Silent())
        assert result.stages[0].status == "cached"
        assert result.data.test == 10_000
        found[result.name] = result.metrics["test"].accuracy
    return found


def test_softmax_classifier_beats_that_of_the_lecture(accuracies: dict[str, float]) -> None:
    assert accuracies["softmax"] >= 0.92


def test_linear_hidden_layers_do_not_help(accuracies: dict[str, float]) -> None:
    """Hidden layers without activation are no better than none, and at most a point worse."""
    assert (
        accuracies["softmax"] - 0.01 <= accuracies["linear_deep"] <= accuracies["softmax"] + 0.002
    )
