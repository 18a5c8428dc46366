"""Options for splitting, copying and recording requests, as they are written on the command line.

Without a model, ``stable=0.9,canary=0.1`` is for all models; ``mlp:stable=0.9,canary=0.1`` is for
one, and comes before the option for all.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import RequestError

ALL = ""  # the key of an option for all models
Shares = Mapping[str, float]
_EXAMPLES = {"--split": "stable=0.9,canary=0.1", "--shadow": "canary=0.1"}
_SUM_TOLERANCE = 1e-6


@dataclass(frozen=True)
class SampleLog:
    """A log of sampled predictions: a ``rate`` of the requests, 0 to 1, as files in ``folder``.

    A file is written every ``seconds``, or sooner if there is much to write; the oldest files are
    removed when all together have more than ``max_bytes``. With ``images``, they have the images.
    """

    folder: Path
    rate: float = 0.01
    images: bool = False
    max_bytes: int = 2**30
    seconds: float = 60


@dataclass(frozen=True)
class TrafficOptions:
    """By model, or ``ALL``: the shares of a split, and the label and the fraction of copies."""

    splits: Mapping[str, Shares] = field(default_factory=dict)
    shadows: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    sample_log: SampleLog | None = None

    def __bool__(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.splits or self.shadows or self.sample_log)

    def split(self, model: str) -> Shares:
        """Return the share of each label of a model; there may be none."""
        return self.splits.get(model) or self.splits.get(ALL) or {}

    def unknown_models(self, known: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield the option and the name of each model that is named but is not known."""
        known = {*known, ALL}
        for option, named in (("--split", self.splits), ("--shadow", self.shadows)):
            for model in sorted(named.keys() - known):
                yield option, model

    def shadow(self, model: str) -> tuple[str, float] | None:
        """Return which label of a model gets copies, and of which fraction of requests."""
        return self.shadows.get(model) or self.shadows.get(ALL)


def read_splits(values: Sequence[str]) -> dict[str, Shares]:
    """Parse the values of ``--split``.

    Raises:
        RequestError: one is malformed, or its fractions do not add up to 1.
    """
    found = _by_model("--split", values)
    for value, shares in zip(values, found.values(), strict=True):
        total = math.fsum(shares.values())
        if abs(total - 1) > _SUM_TOLERANCE:
            raise RequestError(
                f"The fractions of --split must add up to 1; got {value!r}, which adds up to "
                f"{total:.6g}."
            )
    return found


def read_shadows(values: Sequence[str]) -> dict[str, tuple[str, float]]:
    """Parse the values of ``--shadow``.

    Raises:
        RequestError: one is malformed, or has several labels.
    """
    found = _by_model("--shadow", values)
    for value, fractions in zip(values, found.values(), strict=True):
        if len(fractions) > 1:
            raise RequestError(
                f"--shadow must name one label, as in canary=0.1; got {value!r}. Copies go to one "
                "version of a model."
            )
    return {model: next(iter(fractions.items())) for model, fractions in found.items()}


def _by_model(option: str, values: Sequence[str]) -> dict[str, Shares]:
    found: dict[str, Shares] = {}
    for value in values:
        model, _, labels = value.rpartition(":")
        if ":" in model:  # neither a model nor a label has one in its name
            raise _malformed(option, value)
        if model in found:
            what = f"for the model {model}" if model else "for all models"
            raise RequestError(f"{option} must be given once {what}; got {value!r} as well.")
        found[model] = _fractions(option, value, labels)
    return found


def _fractions(option: str, value: str, labels: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in labels.split(","):
        label, equals, text = (each.strip() for each in part.partition("="))
        if not label or not equals:
            raise _malformed(option, value)
        if label in found:
            raise RequestError(f"{option} must name each label once; got {label} twice: {value!r}.")
        found[label] = _fraction(option, label, text)
    return found


def _malformed(option: str, value: str) -> RequestError:
    example = _EXAMPLES[option]
    return RequestError(
        f"{option} must be LABEL=FRACTION, as in {example}, or with a model, as in "
        f"mlp:{example}; got {value!r}."
    )


def _fraction(option: str, label: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:  # nan is not either
        raise RequestError(
            f"The fraction of {label} in {option} must be a number from 0 to 1; got {text!r}."
        )
    return number
