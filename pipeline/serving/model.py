"""An immutable snapshot of one model being served: its versions and labels."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.publishing.published_folder import STABLE
from pipeline.serving.errors import ServingError, not_found
from pipeline.serving.versions import Version

STUCK = "reading the files takes longer than --load-seconds; the file system may not respond"


@dataclass(frozen=True)
class Model:
    """One model: the versions that are ready, loading, or rejected (with the reason).

    ``examined`` says whether its folder has been read. ``stuck`` contains the versions that have
    been loading for too long, and None while reading the folder itself takes too long. A model
    that is ``unloaded`` has no versions until it is loaded again.
    """

    name: str
    ready: Mapping[int, Version] = field(default_factory=dict)
    loading: frozenset[int] = frozenset()
    rejected: Mapping[int, str] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)
    examined: bool = False
    stuck: frozenset[int | None] = frozenset()
    unloaded: bool = False

    @property
    def numbers(self) -> list[int]:
        """The numbers of all versions, in order."""
        return sorted({*self.ready, *self.loading, *self.rejected})

    @property
    def settled(self) -> bool:
        """Whether there is nothing to wait for: each version is ready, rejected, or stuck."""
        return None in self.stuck or (self.examined and self.loading <= self.stuck)

    @property
    def default(self) -> Version | None:
        """The version served by default: the stable one, or the newest if there is no label."""
        if STABLE in self.labels:
            return self._labeled(STABLE)
        return self.ready[max(self.ready)] if self.ready else None

    @property
    def served_labels(self) -> dict[str, int]:
        """The labels, with the versions that are served for them."""
        served = {label: self._labeled(label) for label in self.labels}
        return {label: version.number for label, version in served.items() if version}

    def label_problem(self, label: str) -> str | None:
        """Return why a label is not served by its version and what is served; None if it is."""
        number = self.labels.get(label)
        if number is None or number in self.ready:
            return None
        served = self._labeled(label)
        instead = f"version {served.number} is served instead" if served else "requests get 503"
        return f"version {number} {self._state(number)}; {instead}"

    def version(self, number: str | None = None, label: str | None = None) -> Version:
        """Return the requested version, or the default one.

        Raises:
            ServingError: (404) there is no such version; (503) it is not ready, with the reason.
        """
        if self.unloaded:
            raise ServingError(
                503,
                f"{self.name} was unloaded. Load it again: POST "
                f"/v2/repository/models/{self.name}/load.",
            )
        if number is not None:
            found = self.ready.get(int(number))
            wanted: int | None = int(number)
        elif label is not None or STABLE in self.labels:
            label = label or STABLE
            self._require_label(label)
            found, wanted = self._labeled(label), self.labels[label]
        else:
            found, wanted = self.default, max(self.rejected, default=None)
        if found is None:
            raise self._not_ready(wanted)
        return found

    def _labeled(self, label: str) -> Version | None:
        """Return the version that is served for a label.

        While its version is loading or rejected, that is the newest ready version before it, or
        else the newest one, so that service continues. A label of a missing version has none.
        """
        number = self.labels[label]
        if number in self.ready or number not in self.numbers or not self.ready:
            return self.ready.get(number)
        older = [ready for ready in self.ready if ready < number]
        return self.ready[max(older or self.ready)]

    def _require_label(self, label: str) -> None:
        if label not in self.labels:
            raise not_found(
                f"Servable not found for request: label {label} of {self.name}. Available labels: "
                f"{', '.join(self.labels) or 'none'}."
            )
        number = self.labels[label]
        if number not in self.numbers:
            raise ServingError(
                503,
                f"The label {label} of {self.name} refers to version {number}, which does not "
                f"exist. Available versions: {self._available}. Request one of these, or correct "
                "the label.",
            )

    def _not_ready(self, number: int | None) -> ServingError:
        reason = None if number is None else self.rejected.get(number)
        if reason is not None:
            return ServingError(503, f"{self.name} version {number} is not ready: {reason}")
        if number in self.stuck:
            return ServingError(503, f"{self.name} is still loading: {STUCK}.")
        if number is None or number in self.loading:
            return ServingError(503, f"{self.name} is still loading.", retry_after_seconds=1)
        return not_found(
            f"Servable not found for request: version {number} of {self.name}. Available versions: "
            f"{self._available}."
        )

    def _state(self, number: int) -> str:
        if number in self.rejected:
            return "was rejected"
        return "is still loading" if number in self.loading else "does not exist"

    @property
    def _available(self) -> str:
        return ", ".join(map(str, sorted(self.ready))) or "none"
