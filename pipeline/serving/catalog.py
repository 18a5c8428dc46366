"""An immutable snapshot of the models being served."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.serving.errors import ServingError, not_found
from pipeline.serving.model import Model


@dataclass(frozen=True)
class Catalog:
    """All models by name.

    ``listed`` says whether ``exported`` has been read, ``stuck`` whether reading it takes too long,
    and ``complete`` whether every model that was present at startup has been examined or is stuck.
    """

    models: Mapping[str, Model] = field(default_factory=dict)
    listed: bool = False
    stuck: bool = False
    complete: bool = False

    @property
    def settled(self) -> bool:
        """Whether there is nothing to wait for now."""
        return (self.listed or self.stuck) and all(model.settled for model in self.models.values())

    @property
    def ready(self) -> bool:
        """Whether requests can be served: the catalog is complete and some version is ready."""
        return self.complete and any(model.ready for model in self.models.values())

    def model(self, name: str) -> Model:
        """Return a model by name.

        Raises:
            ServingError: (404) there is no such model; (503) the models are not known yet.
        """
        found = self.models.get(name)
        if found is None and not self.listed:
            raise ServingError(503, "The server is still looking for published models. Try again.")
        if found is None:
            raise not_found(
                f"Servable not found for request: {name[:100]}. Available models: "
                f"{', '.join(sorted(self.models)) or 'none, as nothing is published yet'}."
            )
        return found
