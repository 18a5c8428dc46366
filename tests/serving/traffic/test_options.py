"""The options --split and --shadow, as they are written on the command line."""

import pytest

from pipeline.errors import RequestError
from pipeline.serving.traffic.options import TrafficOptions, read_shadows, read_splits


def test_options_of_one_model_come_before_those_of_all() -> None:
    splits = read_splits(["stable=0.9, canary=0.1", "mlp:a=0.333,b=0.333,c=0.334"])
    shadows = read_shadows(["mlp:canary=1", "new=0.25"])
    options = TrafficOptions(splits, shadows)
    assert options.split("other") == {"stable": 0.9, "canary": 0.1}
    assert options.split("mlp") == {"a": 0.333, "b": 0.333, "c": 0.334}
    assert options.shadow("mlp") == ("canary", 1.0)
    assert options.shadow("other") == ("new", 0.25)
    assert options
    nothing = TrafficOptions()
    assert not nothing
    assert nothing.split("mlp") == {}
    assert nothing.shadow("mlp") is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            ["stable=0.9,canary=0.2"],
            "The fractions of --split must add up to 1; got 'stable=0.9,canary=0.2', which adds up "
            "to 1.1.",
        ),
        (
            ["stable"],
            "--split must be LABEL=FRACTION, as in stable=0.9,canary=0.1, or with a model, as in "
            "mlp:stable=0.9,canary=0.1; got 'stable'.",
        ),
        (
            ["stable=0.9,"],
            "--split must be LABEL=FRACTION, as in stable=0.9,canary=0.1, or with a model, as in "
            "mlp:stable=0.9,canary=0.1; got 'stable=0.9,'.",
        ),
        (
            ["stable=90%,canary=10%"],
            "The fraction of stable in --split must be a number from 0 to 1; got '90%'.",
        ),
        (
            ["mlp:b:a=1"],
            "--split must be LABEL=FRACTION, as in stable=0.9,canary=0.1, or with a model, as in "
            "mlp:stable=0.9,canary=0.1; got 'mlp:b:a=1'.",
        ),
        (["a=nan"], "The fraction of a in --split must be a number from 0 to 1; got 'nan'."),
        (["a=1.5"], "The fraction of a in --split must be a number from 0 to 1; got '1.5'."),
        (["a=.5,a=.5"], "--split must name each label once; got a twice: 'a=.5,a=.5'."),
        (["a=1", "b=1"], "--split must be given once for all models; got 'b=1' as well."),
        (
            ["mlp:a=1", "mlp:b=1"],
            "--split must be given once for the model mlp; got 'mlp:b=1' as well.",
        ),
    ],
)
def test_mistakes_in_a_split(values: list[str], message: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_splits(values)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "a=0.5,b=0.5",
            "--shadow must name one label, as in canary=0.1; got 'a=0.5,b=0.5'. Copies go to one "
            "version of a model.",
        ),
        ("a=-1", "The fraction of a in --shadow must be a number from 0 to 1; got '-1'."),
        (
            "mlp:",
            "--shadow must be LABEL=FRACTION, as in canary=0.1, or with a model, as in "
            "mlp:canary=0.1; got 'mlp:'.",
        ),
    ],
)
def test_mistakes_in_a_shadow(value: str, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_shadows([value])
    assert str(caught.value) == message
