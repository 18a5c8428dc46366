"""The arguments of conjugate_gradient and l_bfgs, and how unknown names are answered."""

from typing import Any

import pytest

from pipeline.config import read
from pipeline.config.training_schema import Callback, Optimizer
from pipeline.errors import ConfigError
from pipeline.models.full_gradient import LBFGS, ConjugateGradient
from pipeline.models.optimizers import build_method, build_optimizer
from pipeline.training.callback_checks import check_callbacks
from tests.support.paths import SMOKE

pytestmark = pytest.mark.tensorflow


def build(**arguments: Any) -> Any:
    return build_method(Optimizer(**arguments), place_of="configs/x.yaml, {}".format)


def test_options_are_those_of_scipy() -> None:
    """As many gradients as the iterations need: SciPy's own limit of L-BFGS-B is lifted."""
    assert build(name="conjugate_gradient", c2=0.1) == ConjugateGradient(c2=0.1)
    assert build(name="conjugate_gradient").options == {"gtol": 1e-5, "c1": 1e-4, "c2": 0.4}
    method = build(name="l_bfgs", maxcor=20, max_gradients=100)
    assert method == LBFGS(maxcor=20, max_gradients=100)
    assert dict(method.options) == {
        "gtol": 1e-5,
        "maxcor": 20,
        "ftol": 2.2204460492503131e-09,
        "maxls": 20,
        "maxfun": 2**31 - 1,
    }


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"name": "l_bfgs", "maxcorr": 5},
            r"^LBFGS has no argument 'maxcorr' \(optimizer\.maxcorr in configs/x\.yaml, "
            r"optimizer\.maxcorr\)\. Did you mean 'maxcor'\? Choose from ftol, gtol, "
            r"max_gradients, maxcor, maxls\.$",
        ),
        (
            {"name": "l_bfgs", "c1": 0.1},
            r"LBFGS has no argument 'c1' .*; it belongs to conjugate_gradient\. Remove it",
        ),
        (
            {"name": "conjugate_gradient", "momentum": 0.9},
            r"has no argument 'momentum' .*; it belongs to muon, rmsprop, sgd\. Remove",
        ),
        ({"name": "l_bfgs", "gtol": "x"}, r"optimizer\.gtol must be a number; got 'x' in"),
        ({"name": "l_bfgs", "gtol": -1}, r"gtol must be at least 0; got -1\."),
        ({"name": "l_bfgs", "ftol": -1}, r"ftol must be at least 0; got -1\."),
        ({"name": "l_bfgs", "maxcor": 0}, r"maxcor must be a whole number of at least 1; got 0\."),
        ({"name": "l_bfgs", "maxls": 1.5}, r"maxls must be a whole number of at least 1; got 1\.5"),
        (
            {"name": "l_bfgs", "max_gradients": 1},
            r"LBFGS does not accept \{max_gradients: 1\} \(optimizer in configs/x\.yaml, "
            r"optimizer\): max_gradients must be a whole number of at least 2; got 1\.$",
        ),
        (
            {"name": "conjugate_gradient", "c2": 1.0},
            r"c1 and c2 must satisfy 0 < c1 < c2 < 1; got 0\.0001, 1\.",
        ),
    ],
)
def test_invalid_arguments_are_refused(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        build(**arguments)


@pytest.mark.parametrize(
    ("name", "near"), [("l-bfgs", "l_bfgs"), ("conjugategradient", "conjugate_gradient")]
)
def test_unknown_names_are_answered_with_the_nearest(name: str, near: str) -> None:
    with pytest.raises(ConfigError, match=f"Unknown optimizer '{name}'.*Did you mean '{near}'"):
        build_optimizer(Optimizer(name=name), total_steps=1)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("lbfgs", "Write l_bfgs, and train.batch_size: full."),
        ("cg", "Write conjugate_gradient, and train.batch_size: full."),
    ],
)
def test_names_of_other_tools_are_explained(name: str, advice: str) -> None:
    with pytest.raises(ConfigError, match=advice):
        read(SMOKE, [f"optimizer={name}"])


def test_callbacks_that_set_a_rate_are_refused() -> None:
    callbacks = "train.callbacks=[{name: reduce_lr_on_plateau}]"
    config = read(SMOKE, ["optimizer=l_bfgs", "train.batch_size=full", callbacks])
    assert config.train.callbacks == (Callback(name="reduce_lr_on_plateau"),)
    with pytest.raises(
        ConfigError,
        match=r"^ReduceLROnPlateau sets the learning rate \(train\.callbacks in the override .*\), "
        r"but l_bfgs has none: a line search determines the length of each step\. Remove the "
        r"callback, or choose another optimizer\.$",
    ):
        check_callbacks(config, run_own_code=False)
