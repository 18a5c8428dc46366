"""An immutable snapshot of the models being served, with their versions and labels."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.serving.errors import ServingError, not_found
from pipeline.serving.versions import Version

STABLE = "stable"


@dataclass(frozen=True)
class Model:
    """One model: the versions that are ready, loading, or rejected (with the reason)."""

    name: str
    ready: Mapping[int, Version] = field(default_factory=dict)
    loading: frozenset[int] = frozenset()
    rejected: Mapping[int, str] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)

    @property
    def default(self) -> Version | None:
        """The version served by default: the stable one, or the newest if there is no label.

        If the stable version is not ready, this is the newest ready version before it, so that
        service continues.
        """
        if not self.ready:
            return None
        stable = self.labels.get(STABLE, max(self.ready))
        older = [number for number in self.ready if number <= stable]
        return self.ready[max(older or self.ready)]

    @property
    def served_labels(self) -> dict[str, int]:
        """The labels of ready versions; ``stable`` always refers to the default version."""
        served = {label: number for label, number in self.labels.items() if number in self.ready}
        if STABLE in self.labels and self.default:
            served[STABLE] = self.default.number
        return served

    def version(self, number: str | None = None, label: str | None = None) -> Version:
        """Return the requested version, or the default one.

        Raises:
            ServingError: (404) there is no such version; (503) it is not ready, with the reason.
        """
        if label is not None:
            return self._with_label(label)
        if number is None:
            if self.default is None:
                raise self._not_ready(max(self.rejected, default=None))
            return self.default
        found = self.ready.get(int(number))
        if found is None:
            raise self._not_ready(int(number))
        return found

    def _with_label(self, label: str) -> Version:
        number = self.served_labels.get(label)
        if number is not None:
            return self.ready[number]
        if label in self.labels:
            raise self._not_ready(self.labels[label])
        raise not_found(
            f"Servable not found for request: label {label} of {self.name}. Available labels: "
            f"{', '.join(self.labels) or 'none'}."
        )

    def _not_ready(self, number: int | None) -> ServingError:
        if number is None or number in self.loading:
            return ServingError(503, f"{self.name} is still loading.", retry_after_seconds=1)
        if number in self.rejected:
            reason = self.rejected[number]
            return ServingError(503, f"{self.name} version {number} is not ready: {reason}")
        return not_found(
            f"Servable not found for request: version {number} of {self.name}. Available versions: "
            f"{', '.join(map(str, sorted(self.ready)))}."
        )


@dataclass(frozen=True)
class Catalog:
    """All models by name; ``complete`` once every model present at startup was examined."""

    models: Mapping[str, Model] = field(default_factory=dict)
    complete: bool = False

    @property
    def ready(self) -> bool:
        """Whether requests can be served: the catalog is complete and some version is ready."""
        return self.complete and any(model.ready for model in self.models.values())

    def model(self, name: str) -> Model:
        """Return a model by name.

        Raises:
            ServingError: (404) there is no such model.
        """
        found = self.models.get(name)
        if found is None:
            raise not_found(
                f"Servable not found for request: {name[:100]}. Available models: "
                f"{', '.join(sorted(self.models)) or 'none, as nothing is published yet'}."
            )
        return found
