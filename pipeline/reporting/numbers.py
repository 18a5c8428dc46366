"""Numbers on the page: each is looked up in the facts of a stage and says where it is from."""

from dataclasses import dataclass
from html import escape
from typing import Any

from pipeline.artifacts.serialization import to_json
from pipeline.artifacts.stage_facts import ReportFacts
from pipeline.reporting.run import ReportedRun

MISSING = "\N{EN DASH}"
PROBABILITY = "probability"
_SCALES = {"MB": 1e-6, "µs": 1e6}  # of bytes and seconds
_UNITS = {"%": "\N{NARROW NO-BREAK SPACE}%"}


@dataclass(frozen=True)
class Numbers:
    """Facts as in the manifests of the stages, and the path of a part of them.

    A path leads through ``STAGE/facts``; the seconds of a stage are ``STAGE/seconds``.
    """

    document: dict[str, Any]
    path: tuple[str, ...] = ()

    def at(self, *path: object) -> "Numbers":
        """Return the numbers of a part."""
        return Numbers(self.document, (*self.path, *map(str, path)))

    def value(self, *path: object) -> Any:
        """Return a value as it is in JSON."""
        found: Any = self.document
        for key in (*self.path, *map(str, path)):
            found = found[int(key)] if isinstance(found, list) else found[key]
        return found

    def show(self, *path: object, spec: str = ",", missing: str = MISSING) -> str:
        """Return a number in HTML, formatted; numbers that are None become ``missing``."""
        return self._element(path, spec, missing, "")

    def show_time(self, *path: object, spec: str = ",.1f", missing: str = MISSING) -> str:
        """Return a measured time or an amount of memory, which differ between equal runs."""
        return self._element(path, spec, missing, " data-time")

    def _element(self, path: tuple[object, ...], spec: str, missing: str, mark: str) -> str:
        value = self.value(*path)
        if value is None:
            return missing
        place = "/".join((*self.path, *map(str, path)))
        return (
            f'<data value="{value!r}" data-fact="{escape(place)}" data-format="{spec}"{mark}>'
            f"{formatted(value, spec)}</data>"
        )


def formatted(value: float, spec: str) -> str:
    """Return a number as the page shows it."""
    if spec == PROBABILITY:  # none but 1 is 100 %
        return f"> 99.99{_UNITS['%']}" if 0.9999 < value < 1 else formatted(value, ".2%")  # noqa: PLR2004
    if spec in _SCALES:
        return f"{value * _SCALES[spec]:,.0f}"
    text = f"{value:{spec}}"
    if not float(text.rstrip("%").replace(",", "")):  # no negative zero
        text = text.lstrip("-")
    return (
        text[:-1] + _UNITS[text[-1]]
        if text[-1] in _UNITS
        else text.replace("-", "\N{MINUS SIGN}", 1)
    )


def numbers_of(run: ReportedRun, facts: ReportFacts) -> Numbers:
    """Return the facts and the seconds of all stages, and what the report measured."""
    document: dict[str, Any] = {
        output.facts.stage: {"facts": to_json(output.facts), "seconds": output.seconds}
        for output in run.outputs
    }
    return Numbers({**document, facts.stage: {"facts": to_json(facts)}})
